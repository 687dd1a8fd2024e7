// Asks the service's own /stream for what the sliders say, and moves the numbers and the marker to its answer.
"use strict";

const form = document.getElementById("try");
const width = Number(form.dataset.width);
const parameters = form.dataset.parameters ? JSON.parse(form.dataset.parameters) : undefined;
const key = document.getElementById("key");
const fields = [], slides = [];
for (let number = 0; number < width; number += 1) {
  fields.push(document.getElementById(`field-${number}`));
  slides.push(document.getElementById(`slide-${number}`));
}
let asked = 0;   // answers may overtake each other: only the last question counts
let waiting = 0; // a slider that is dragged asks once it rests for a moment

const show = (id, text) => {
  const place = document.getElementById(id);
  if (place) { place.textContent = text; }
};
const short = (value) => String(Number(value.toPrecision(5)));

function question() {
  const row = fields.map((field) => field.valueAsNumber);
  return {instance: width === 1 ? row[0] : row, parameters};
}

function headers() {
  const sent = {"Content-Type": "application/json"};
  if (key && key.value) {
    if (key.dataset.scheme === "api-key") { sent["X-API-Key"] = key.value; } else { sent.Authorization = `Bearer ${key.value}`; }
  }
  return sent;
}

function place(scale, value) {
  const [low, high, start, end] = scale.split(" ").map(Number);
  const part = Math.min(1.02, Math.max(-0.02, (value - low) / (high - low))); // beyond the edge: at the edge
  return start + part * (end - start);
}

function move(answer) {
  fields.forEach((field, number) => {
    const figure = document.getElementById(`panel-${number}`);
    if (!figure) { return; }
    const x = place(figure.dataset.x, field.valueAsNumber);
    const [circle, whisker] = [figure.querySelector("circle"), figure.querySelector(".whisker")];
    circle.setAttribute("cx", x);
    circle.setAttribute("cy", place(figure.dataset.y, answer.prediction));
    const ends = answer.interval || [answer.prediction, answer.prediction];
    whisker.setAttribute("x1", x);
    whisker.setAttribute("x2", x);
    whisker.setAttribute("y1", place(figure.dataset.y, ends[0]));
    whisker.setAttribute("y2", place(figure.dataset.y, ends[1]));
    const marker = figure.querySelector(".marker");
    marker.removeAttribute("hidden");
    marker.classList.toggle("outside", Boolean(answer.out_of_range));
  });
}

function tell(answer) {
  show("prediction", short(answer.prediction));
  if (answer.interval) { show("interval", `between ${answer.interval.map(short).join(" and ")}`); }
  if ("out_of_range" in answer) {
    show("range", answer.out_of_range ? "No: out of the range of training" : "Yes: within the range of training");
    document.getElementById("range").classList.toggle("outside", answer.out_of_range);
  }
  move(answer);
}

function fail(why) {
  ["prediction", "interval", "range"].forEach((id) => show(id, "–"));
  document.querySelectorAll(".marker").forEach((marker) => marker.setAttribute("hidden", ""));
  show("failure", why);
}

function reason(status, problem) {
  if (status === 401) { return key && key.value ? "The server does not know this key." : "Enter a key to get an answer."; }
  if (status === 403) { return "This key may not predict."; }
  if (problem.errors) { return problem.errors.map((fault) => `${fault.pointer.replace("#/instance", "the value")} ${fault.detail}`).join("; "); }
  return problem.detail || `The server answered ${status}.`;
}

async function ask() {
  const mine = asked += 1;
  const usable = fields.every((field) => field.validity.valid);
  let why = usable ? "" : "Every field needs a number.";
  let answer;
  if (usable) {
    try {
      const response = await fetch("stream", {method: "POST", headers: headers(), body: JSON.stringify(question())});
      const body = await response.json();
      if (response.ok) { answer = body; } else { why = reason(response.status, body); }
    } catch { why = "The server cannot be reached."; }
  }
  if (mine !== asked) { return; }
  document.getElementById("failure").hidden = !why;
  if (answer) { tell(answer); } else { fail(why); }
  form.dataset.answered = mine;
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, 80);
}

slides.forEach((slide, number) => slide.addEventListener("input", () => {
  fields[number].value = slide.value;
  soon();
}));
fields.forEach((field, number) => field.addEventListener("input", () => {
  slides[number].value = field.value;
  soon();
}));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
if (key) { key.addEventListener("input", soon); }
form.hidden = false;
if (key) { ["prediction", "interval", "range"].forEach((id) => show(id, "–")); } else { ask(); }
