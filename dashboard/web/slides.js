// A story on a stage: nothing but its slides, turned by keys, by buttons or by a touch.
const EVERY_MS = 260;
const FORWARD = ["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"];
const places = new WeakMap(); // the slide of each, while its page is drawn anew
const BACK = ["ArrowLeft", "ArrowUp", "PageUp", "Backspace"];

function figure(picture, timers) {
  const made = document.createElement("figure");
  const image = document.createElement("img");
  const frames = picture.frames ?? [picture.source];
  let place = 0;
  image.src = frames[0];
  image.alt = picture.alt;
  image.classList.toggle("sharp", picture.sharp);
  if (frames.length > 1) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) image.src = frames.at(-1);
    else {
      timers.push(
        setInterval(() => {
          place = (place + 1) % (frames.length + 6); // the last one stays for a while
          image.src = frames[Math.min(place, frames.length - 1)];
        }, EVERY_MS),
      );
    }
  }
  made.append(image);
  if (picture.caption) {
    const caption = document.createElement("figcaption");
    caption.textContent = picture.caption;
    made.append(caption);
  }
  return made;
}

function bar(shown) {
  const made = ["span", "div", "span"].map((name) => document.createElement(name));
  const [name, track, text] = made;
  name.textContent = shown.name;
  text.textContent = shown.text;
  track.className = "track";
  const filled = document.createElement("i");
  filled.style.width = `${100 * shown.value}%`;
  track.append(filled);
  if (shown.low !== null && shown.high !== null) {
    const interval = document.createElement("b");
    interval.style.left = `${100 * shown.low}%`;
    interval.style.width = `${100 * (shown.high - shown.low)}%`;
    track.append(interval);
  }
  return made;
}

export default function (component) {
  const { data, parentElement } = component;
  const find = (name) => parentElement.querySelector(name);
  const [stage, article] = [".stage", "article"].map(find);
  const timers = [];
  let place = places.get(parentElement) ?? 0;

  function show(wanted) {
    place = Math.min(Math.max(wanted, 0), data.slides.length - 1);
    places.set(parentElement, place);
    const slide = data.slides[place];
    timers.splice(0).forEach(clearInterval);
    find("h2").textContent = slide.title;
    find(".lines").replaceChildren(
      ...slide.lines.map((line) => {
        const paragraph = document.createElement("p");
        paragraph.textContent = line;
        return paragraph;
      }),
    );
    find(".pictures").replaceChildren(...slide.pictures.map((picture) => figure(picture, timers)));
    find(".bars").replaceChildren(...slide.bars.flatMap(bar));
    find(".number").textContent = `${place + 1} / ${data.slides.length}`;
    article.focus();
  }

  for (const name of ["open", "previous", "next", "close"]) {
    const button = find(`.${name}`);
    button.setAttribute("aria-label", data.words[name]);
    button.title = data.words[name];
  }
  find(".open").textContent = data.words.open;
  find(".open").onclick = () => {
    stage.showModal();
    show(0);
    document.documentElement.requestFullscreen?.().catch(() => {}); // without it the stage fills the window
  };
  find(".previous").onclick = () => show(place - 1);
  find(".next").onclick = () => show(place + 1);
  find(".close").onclick = () => stage.close();
  stage.onclose = () => {
    timers.splice(0).forEach(clearInterval);
    if (document.fullscreenElement) document.exitFullscreen();
  };
  stage.onkeydown = (event) => {
    if (event.target instanceof HTMLButtonElement && [" ", "Enter"].includes(event.key)) return;
    if (FORWARD.includes(event.key)) show(place + 1);
    else if (BACK.includes(event.key)) show(place - 1);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(data.slides.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (stage.open) show(place);
  return () => timers.splice(0).forEach(clearInterval);
}
