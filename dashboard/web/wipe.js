// Two pictures of one size, one over the other: a slider over both parts them.
export default function (component) {
  const { data, parentElement } = component;
  const find = (name) => parentElement.querySelector(name);
  const [pair, slider] = [".pair", "input"].map(find);
  find(".before").src = data.before;
  find(".before").alt = data.alt;
  find(".after").src = data.after;
  find(".left").textContent = data.words.before;
  find(".right").textContent = data.words.after;
  find("figcaption").textContent = data.caption;
  slider.setAttribute("aria-label", data.words.slider);
  const show = () => {
    pair.style.setProperty("--at", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value}% ${data.words.before}`);
  };
  slider.oninput = show;
  show();
}
