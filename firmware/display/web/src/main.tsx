// The operator display's page.
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { render } from "preact";
import { forgetAfterShift } from "./commands";
import { startPulse } from "./pulse";
import { connected } from "./store";
import { start } from "./stream";
import { language, setLanguage, text } from "./text";
import { AlarmsView, Banner } from "./view/Alarms";
import { Commands } from "./view/Commands";
import { Dialogs } from "./view/Dialogs";
import { Main } from "./view/Main";
import { place } from "./view/navigation";
import { Title } from "./view/Title";
import { WafersView } from "./view/Wafers";

function App() {
  return (
    <div class="app">
      <Title />
      <Banner />
      <main>{connected.value ? <Place /> : <div class="empty">{text.value.connecting}</div>}</main>
      <Commands />
      <Dialogs />
    </div>
  );
}

function Place() {
  switch (place.value) {
    case "wafers": return <WafersView />;
    case "alarms": return <AlarmsView />;
    default: return <Main />;
  }
}

setLanguage(language.value);
forgetAfterShift();
start();
startPulse();
render(<App />, document.getElementById("app")!);
