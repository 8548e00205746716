// What Streamlit leaves to the mouse, by keys: going past a table, and into a popover and out of it.
(() => {
  const TABLE = "[data-testid=stDataFrame] canvas";
  const BUTTON = "[data-testid=stPopoverButton]";
  const BODY = "[data-testid=stPopoverBody]";
  const REACHED = "input:not([type=file]), textarea, select, button:not([disabled]), a[href], [tabindex='0']";
  const PATIENCE_MS = 2000;
  let byKey = false;

  // A table takes Tab for its own cells, and chooses one as soon as it has the focus, which opens a run or a job.
  addEventListener("pointerdown", () => { byKey = false; }, true);
  addEventListener("focusin", (event) => {
    if (byKey && event.target.matches?.(TABLE)) event.stopImmediatePropagation();
  }, true);

  addEventListener("keydown", (event) => {
    byKey = true;
    const from = event.target instanceof Element ? event.target : document.body;
    const body = from.closest(BODY);
    if (event.key === "Tab" && from.matches(TABLE)) event.stopImmediatePropagation();
    if (body) leave(event, from, body);
    if (["Enter", " "].includes(event.key)) open(from.closest(BUTTON));
  }, true);

  // A popover's content lies at the end of the page, dozens of Tabs away.
  function open(button) {
    if (button?.getAttribute("aria-expanded") !== "false") return;
    const before = [...document.querySelectorAll(BODY)];
    const until = performance.now() + PATIENCE_MS;
    const enter = () => {
      const body = [...document.querySelectorAll(BODY)].find((each) => !before.includes(each));
      const first = body?.querySelector(REACHED);
      if (first) first.focus();
      else if (performance.now() < until) requestAnimationFrame(enter);
    };
    enter();
  }

  // Past its last field the page goes on behind the button, before its first one and by Escape at the button.
  function leave(event, from, body) {
    const opener = document.querySelector(`${BUTTON}[aria-expanded=true]`);
    if (!opener) return;
    const all = [...body.querySelectorAll(REACHED)].filter((each) => each.tabIndex >= 0);
    if (event.key === "Escape") requestAnimationFrame(() => opener.focus());
    if (event.key !== "Tab" || from !== (event.shiftKey ? all[0] : all.at(-1))) return;
    if (event.shiftKey) event.preventDefault();
    opener.click(); // closes it
    opener.focus(); // without `preventDefault` Tab goes on from there
  }
})();
