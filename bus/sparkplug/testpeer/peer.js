// Reads payloads as lines of hexadecimal digits and answers each with a line of
// JSON: what sparkplug-payload reads in it, and how it writes that again.
// Values are given as strings that lose nothing, as the Go side prints them.
"use strict";

const readline = require("readline");
const { decodePayload, encodePayload } = require("sparkplug-payload").get("spBv1.0");

function double(v) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, v);
  return Number.isNaN(v) ? "NaN" : view.getBigUint64(0).toString(16).padStart(16, "0");
}

function show(type, v) {
  if (v === null || v === undefined) return "null";
  switch (type) {
    case "Float":
    case "Double":
      return double(v);
    case "UInt32": // the library gives the low 32 bits as a signed number
      return String(v >>> 0);
    case "Int64": // in a data set the library leaves the sign to its user
      return v.toSigned ? v.toSigned().toString() : String(v);
    case "Bytes":
      return Buffer.from(v).toString("hex");
    case "DataSet":
      return JSON.stringify([v.columns, v.types, v.rows.map((r) => r.map((c, i) => show(v.types[i], c)))]);
    default:
      return v.toString();
  }
}

function property(key, p) {
  return { key, type: p.type, value: show(p.type, p.value) };
}

function metric(m) {
  return {
    name: m.name ?? "",
    alias: m.alias?.toString() ?? "",
    timestamp: m.timestamp?.toString() ?? "",
    type: m.type ?? "",
    value: show(m.type, m.value),
    historical: m.isHistorical === true,
    transient: m.isTransient === true,
    description: m.metadata?.description ?? "",
    properties: Object.entries(m.properties ?? {}).map(([k, p]) => property(k, p)),
  };
}

function view(p) {
  return {
    timestamp: p.timestamp?.toString() ?? "",
    seq: p.seq?.toString() ?? "",
    uuid: p.uuid ?? "",
    body: p.body ? Buffer.from(p.body).toString("hex") : "",
    metrics: (p.metrics ?? []).map(metric),
  };
}

function answer(line) {
  try {
    const payload = decodePayload(Buffer.from(line, "hex"));
    return { view: view(payload), again: Buffer.from(encodePayload(payload)).toString("hex") };
  } catch (e) {
    return { error: String(e) };
  }
}

readline
  .createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on("line", (line) => console.log(JSON.stringify(answer(line))));
