// Package sparkplug is the MES plane: the appliance as a Sparkplug B 3.0 edge
// node with one device, the inspection chuck.
//
// # Topics
//
//	spBv1.0/<group>/NBIRTH/<node>           all metrics of the appliance
//	spBv1.0/<group>/DBIRTH/<node>/<device>  all metrics of the chuck
//	spBv1.0/<group>/NDATA/<node>            those of the appliance that changed
//	spBv1.0/<group>/DDATA/<node>/<device>   those of the chuck that changed; wafer results; alarms
//	spBv1.0/<group>/DDEATH/<node>/<device>  the chuck is gone (see Node.SetDevice)
//	spBv1.0/<group>/NDEATH/<node>           the appliance is gone (also as its last will)
//	spBv1.0/<group>/NCMD/<node>             what a host orders of the appliance: rebirth
//	spBv1.0/<group>/DCMD/<node>/<device>    what a host orders of the chuck
//	spBv1.0/STATE/<host>, STATE/<host>      whether the primary host is online; heard only
//
// The node subscribes to NCMD, DCMD, STATE, and to its own NBIRTH, by which it
// notices another client of its name.
//
// Births and data go with QoS 0, the last will with QoS 1, nothing is retained,
// and every session is clean: the specification leaves no choice. Payloads are
// those of package payload.
//
// # What is published when
//
// On every new connection, and when a host writes true to Node Control/Rebirth:
// NBIRTH and DBIRTH, with the present value, the datatype, the alias, the unit and
// a description of every metric. A metric without value is null; the die map is
// empty instead, for common decoders fail on a null data set.
//
// After that, what changed, as soon as it did, by its alias (by its name where
// aliases are switched off). Changes that come while a message is on its way go
// together in the next one, each metric with its last value and the time when that
// was set. A number with a dead-band is told when it has gone so far from the
// value last told. While there is no connection nothing of this is kept but the
// present values, which the next birth tells.
//
// Wafers' results and alarms are reports: each goes whole into one DDATA, equal to
// the last one or not, with its own time. They are handed over again until the
// broker has answered a question that was asked after them (see
// session.Link.RoundTrip), so that none is lost with a connection. One that came
// into being before the last births is marked as historical: the births have its
// values or newer ones. A result names its own lot, substrate and recipe; those
// under Job and Material belong to what is on the chuck now.
//
// # The primary host
//
// Where one is configured, births and data wait until its STATE says online. When
// it says offline the node takes leave (NDEATH, DISCONNECT) and connects to the
// next broker of its list, or to the only one, where it waits again; reports wait
// meanwhile with their owner. Time stamps of STATE are compared within one
// connection. Hosts before version 3.0, which say ONLINE or OFFLINE under
// STATE/<host>, are followed too.
//
// A host that dies without a word is online until its broker notices: what is
// told in that time is told to nobody. The ledger has no such gap.
//
// # Commands
//
// A host writes Command/Name, Command/Id and what else the command needs in one
// DCMD, by name or by alias, and gets CommandResult/Id, /Name, /HCACK, /Reason and
// /Time in one DDATA. Anything that is malformed, of a wrong type, unknown or too
// large refuses the whole command; so does the retain flag.
//
// NBIRTH has sequence number 0, every message after it one more, 255 being
// followed by 0. bdSeq, an Int64 in NDEATH and NBIRTH, goes up by one with each
// attempt to connect, also over a restart; a rebirth keeps it.
//
// # Metrics and units
//
// Of the appliance (NBIRTH, NDATA):
//
//	bdSeq                   Int64
//	Node Control/Rebirth    Boolean
//	Health/SoftwareVersion  String
//	Health/DiskFree         UInt64    B
//	Health/OutboxPending    UInt64
//	Health/FramesLost       UInt64
//	Health/ClockOffset      Double    ms; null while the clock follows no time server
//	Health/Temperature      Double    °C
//	Health/Humidity         Double    %
//
// Of the chuck (DBIRTH, DDATA):
//
//	Equipment/State         String    SEMI E10
//	Equipment/Reason        String
//	Equipment/Previous      String    SEMI E10
//	Equipment/Since         DateTime
//	Equipment/ControlState  String    SEMI E30
//	Job/State               String    SEMI E40
//	Job/Lot                 String
//	Job/Recipe              String
//	Job/RecipeVersion       String
//	Material/Carrier        String
//	Material/Lot            String
//	Material/Substrate      String
//	Material/Slot           UInt32    from 1
//	Material/State          String    SEMI E90
//	Wafer/Number            Int64     rising; a result that came twice has the same
//	Wafer/Carrier           String
//	Wafer/Lot               String
//	Wafer/Substrate         String
//	Wafer/Slot              UInt32    from 1
//	Wafer/Recipe            String
//	Wafer/RecipeVersion     String
//	Wafer/Yield             Double    1, so 0.97 is 97 %; null where no die was inspected
//	Wafer/Dies              UInt32
//	Wafer/Good              UInt32
//	Wafer/Inspected         UInt32
//	Wafer/Defects           UInt32
//	Wafer/DefectDensity     Double    1/cm²; null where nothing was inspected
//	Wafer/Calibration       String    objective/number and the beginning of its hash, a correction; empty: none
//	Wafer/Verdict           String    good, bad, incomplete
//	Wafer/Notch             String    down, up, left, right: where it lies on the die map
//	Wafer/Columns           UInt32    of the die map
//	Wafer/Rows              UInt32    of the die map
//	Wafer/Finished          DateTime
//	Wafer/DefectClasses     DataSet   class String, defects UInt32, density Double, 1/cm²
//	Wafer/DieMap            DataSet   column Int64, row Int64, bin UInt32
//	Alarm/ALID              UInt32    SEMI E5
//	Alarm/Text              String
//	Alarm/Category          UInt8     SEMI E5 ALCD, 1 to 8
//	Alarm/Set               Boolean   false: cleared
//	Alarm/Time              DateTime
//	Alarm/Active            UInt32    alarms that are set
//	Command/Name            String    written by hosts, as all under Command
//	Command/Id              String    correlation id
//	Command/Host            String
//	Command/Recipe          String
//	Command/RecipeVersion   String
//	Command/Substrate       String
//	Command/ALID            UInt32
//	CommandResult/Id        String
//	CommandResult/Name      String
//	CommandResult/HCACK     UInt8     SEMI E5, 0 to 6
//	CommandResult/Reason    String
//	CommandResult/Time      DateTime
package sparkplug
