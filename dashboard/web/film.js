// A run's film: one slider moves the patch, the place on its curves, and the figures in words.
const SVG = "http://www.w3.org/2000/svg";
const EVERY_MS = 180;
const films = new WeakMap(); // what is kept of each while it is drawn anew with more moments

function drawn(name, attributes, within) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  within.append(made);
  return made;
}

function curves(svg, data) {
  svg.replaceChildren();
  svg.setAttribute("aria-label", data.alt);
  const last = Math.max(data.moments.length - 1, 1);
  for (const curve of data.curves) {
    const points = curve.values
      .map((value, place) => (value === null ? null : [(1000 * place) / last, 290 - 280 * value]))
      .filter((point) => point !== null);
    const line = drawn("polyline", { points: points.map((point) => point.join(",")).join(" ") }, svg);
    line.style.setProperty("--line", curve.colour);
  }
  return drawn("line", { y1: 0, y2: 300 }, svg);
}

function legend(box, data) {
  box.replaceChildren();
  for (const curve of data.curves) {
    const item = document.createElement("span");
    const line = document.createElement("i");
    line.style.setProperty("--line", curve.colour);
    item.append(line, curve.name);
    box.append(item);
  }
}

export default function (component) {
  const { data, parentElement } = component;
  const find = (name) => parentElement.querySelector(name);
  const [slider, play, now, said, strip] = [".moment", ".play", ".now", ".said", ".strip"].map(find);
  const last = data.moments.length - 1;
  const kept = films.get(parentElement) ?? { place: last, follows: true, timer: 0 };
  films.set(parentElement, kept);
  const cursor = curves(find(".curves"), data);
  legend(find(".legend"), data);
  strip.replaceChildren();
  const pictures = data.moments.map((moment, place) => {
    const picture = document.createElement("img");
    picture.src = moment.picture;
    picture.alt = "";
    picture.title = moment.said;
    picture.onclick = () => choose(place);
    strip.append(picture);
    return picture;
  });
  slider.max = last;
  slider.setAttribute("aria-label", data.words.moment);

  function show(place) {
    const moment = data.moments[place];
    kept.place = place;
    kept.follows = place === last; // one at the end stays there while a run adds moments
    slider.value = place;
    slider.setAttribute("aria-valuetext", moment.said);
    now.src = moment.picture;
    now.alt = data.alt;
    said.textContent = moment.said;
    const x = (1000 * place) / Math.max(last, 1);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    pictures.forEach((picture, each) => picture.classList.toggle("chosen", each === place));
  }

  function stop() {
    clearInterval(kept.timer);
    kept.timer = 0;
    play.textContent = "▶";
    play.setAttribute("aria-label", data.words.play);
    play.title = data.words.play;
  }

  function choose(place) {
    stop();
    show(place);
  }

  function start() {
    show(kept.place === last ? 0 : kept.place);
    play.textContent = "❚❚";
    play.setAttribute("aria-label", data.words.pause);
    play.title = data.words.pause;
    kept.timer = setInterval(() => (kept.place >= last ? stop() : show(kept.place + 1)), EVERY_MS);
  }

  const playing = kept.timer !== 0;
  stop();
  slider.oninput = () => choose(Number(slider.value));
  play.onclick = () => (kept.timer ? stop() : start());
  show(kept.follows ? last : Math.min(kept.place, last));
  if (playing) start();
  return () => clearInterval(kept.timer);
}
