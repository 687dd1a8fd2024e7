// Sends the values of the form to the service's own /stream, and shows the response in numbers and in the figure.
"use strict";

const form = document.getElementById("try");
const width = Number(form.dataset.width);
const parameters = form.dataset.parameters ? JSON.parse(form.dataset.parameters) : undefined;
const key = document.getElementById("key");
const results = [...form.querySelectorAll("output")];
const fields = [], sliders = [];
for (let number = 0; number < width; number += 1) {
  fields.push(document.getElementById(`field-${number}`));
  sliders.push(document.getElementById(`slide-${number}`));
}
let latest = 0; // number of the latest request: responses may overtake each other, and only the latest is shown
let timer = 0;  // a slider in motion sends a request once it rests for a moment

const short = (value) => String(Number(value.toPrecision(5)));

function format(value, output) {
  if (typeof value === "boolean") { return value ? output.dataset.true : output.dataset.false; }
  if (Array.isArray(value)) { return value.map(short).join(" to "); }
  if (typeof value === "object") { return Object.entries(value).map(([name, part]) => `${name} ${short(part)}`).join(", "); }
  return short(value);
}

function requestBody() {
  const row = fields.map((field) => field.valueAsNumber);
  return JSON.stringify({instance: width === 1 ? row[0] : row, parameters});
}

function headers() {
  const sent = {"Content-Type": "application/json"};
  if (key && key.value) {
    if (key.dataset.scheme === "api-key") { sent["X-API-Key"] = key.value; } else { sent.Authorization = `Bearer ${key.value}`; }
  }
  return sent;
}

function pixel(axis, value) {
  const [low, high, start, end] = axis.split(" ").map(Number);
  const part = Math.min(1.02, Math.max(-0.02, (value - low) / (high - low))); // values off the axis stay at its end
  return start + part * (end - start);
}

function moveMarkers(answer) {
  fields.forEach((field, number) => {
    const figure = document.getElementById(`panel-${number}`);
    if (!figure) { return; }
    const x = pixel(figure.dataset.x, field.valueAsNumber);
    const [circle, whisker] = [figure.querySelector("circle"), figure.querySelector(".whisker")];
    circle.setAttribute("cx", x);
    circle.setAttribute("cy", pixel(figure.dataset.y, answer.prediction));
    const ends = answer.interval || [answer.prediction, answer.prediction];
    whisker.setAttribute("x1", x);
    whisker.setAttribute("x2", x);
    whisker.setAttribute("y1", pixel(figure.dataset.y, ends[0]));
    whisker.setAttribute("y2", pixel(figure.dataset.y, ends[1]));
    const marker = figure.querySelector(".marker");
    marker.removeAttribute("hidden");
    marker.classList.toggle("outside", Boolean(answer.out_of_range));
  });
}

function showAnswer(answer) {
  results.forEach((output) => {
    const value = answer[output.id];
    output.textContent = format(value, output);
    output.classList.toggle("outside", value === true);
  });
  moveMarkers(answer);
}

function clearAnswer() {
  results.forEach((output) => { output.textContent = "–"; });
  document.querySelectorAll(".marker").forEach((marker) => marker.setAttribute("hidden", ""));
}

function reason(status, problem) {
  if (status === 401) { return key && key.value ? "The server does not accept this key." : "Enter a key to get a prediction."; }
  if (status === 403) { return "This key is not allowed to predict."; }
  if (problem.errors) { return problem.errors.map((fault) => `${fault.pointer.replace("#/instance", "the value")} ${fault.detail}`).join("; "); }
  return problem.detail || `The server responded with status ${status}.`;
}

async function predict() {
  const number = latest += 1;
  let failure = "", answer;
  if (key && /[^ -~]/.test(key.value)) {  // no header may have such a character
    failure = "The key has a character that no key has: copy it again.";
  } else if (fields.every((field) => field.validity.valid)) {
    try {
      const response = await fetch("stream", {method: "POST", headers: headers(), body: requestBody()});
      const body = await response.json();
      if (response.ok) { answer = body; } else { failure = reason(response.status, body); }
    } catch { failure = "The server cannot be reached."; }
  } else { failure = "Every field needs a number."; }
  if (number !== latest) { return; }
  const place = document.getElementById("failure");
  place.hidden = !failure;
  place.textContent = failure;
  if (answer) { showAnswer(answer); } else { clearAnswer(); }
  form.dataset.answered = number;
}

function predictSoon() {
  clearTimeout(timer);
  timer = setTimeout(predict, 80);
}

sliders.forEach((slider, number) => slider.addEventListener("input", () => {
  fields[number].value = slider.value;
  predictSoon();
}));
fields.forEach((field, number) => field.addEventListener("input", () => {
  sliders[number].value = field.value;
  predictSoon();
}));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});
if (key) { key.addEventListener("input", predictSoon); }
form.hidden = false;
if (key) { clearAnswer(); } else { predict(); }
