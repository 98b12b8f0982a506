// A CDS service as Node tutorials write it: Express, body-parser and CORS. It looks for the highest acetaminophen
// level, which is far less than the measured project does. The one argument is the port.
"use strict";

const bodyParser = require("body-parser");
const cors = require("cors");
const express = require("express");

const LEVEL = "3298-7";
const app = express();
app.use(cors());
app.use(bodyParser.json({ limit: "50mb" }));

app.get("/cds-services", (request, response) => {
  response.json({ services: [{ hook: "patient-view", id: "highest-level", description: "Names the highest level" }] });
});

app.post("/cds-services/highest-level", (request, response) => {
  const levels = request.body.prefetch.levels.entry.map((entry) => entry.resource);
  const found = levels.filter((each) => each.code.coding[0].code === LEVEL).map((each) => each.valueQuantity.value);
  const summary = `Highest level ${Math.max(...found)}`;
  response.json({ cards: [{ summary, indicator: "info", source: { label: "Node" }, detail: "x" }] });
});

app.listen(Number(process.argv[2]), "127.0.0.1");
