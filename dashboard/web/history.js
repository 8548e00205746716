// Streamlit makes an entry for a page and another for each parameter that the page then puts into its link;
// Back would stop at addresses that nobody has seen. What follows on the first entry goes in its place.
(() => {
  const push = history.pushState.bind(history);
  let acted = false;
  for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => { acted = true; }, true);
  addEventListener("popstate", () => { acted = false; }, true);
  history.pushState = (state, title, url) => {
    if (acted) push(state, title, url);
    else history.replaceState(state, title, url);
    acted = false;
  };
})();
