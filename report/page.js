"use strict";
(function () {
  var list = document.getElementById("results");
  if (!list) { return; }
  var rows = Array.from(list.children), filter = document.getElementById("filter"), order = document.getElementById("order");
  var boxes = Array.from(document.querySelectorAll(".tools input[type=checkbox]"));
  var shown = document.getElementById("shown"), compare = new Intl.Collator().compare, texts, waiting;
  function uses(row) { return Number(row.dataset.uses); }
  var all = rows.reduce(function (sum, row) { return sum + uses(row); }, 0);
  function show() {
    var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), n = 0;
    var off = boxes.filter(function (b) { return !b.checked; }).map(function (b) { return b.value; });
    if (words.length && !texts) {
      texts = new Map(rows.map(function (row) { return [row, row.textContent.toLowerCase()]; }));
    }
    rows.forEach(function (row) {
      row.hidden = off.indexOf(row.dataset.verdict) >= 0 || !words.every(function (w) { return texts.get(row).indexOf(w) >= 0; });
      if (!row.hidden) { n += uses(row); }
    });
    shown.textContent = n + " of " + all + " shown";
  }
  function sort() {
    var key = order.value;
    rows.sort(function (a, b) { return compare(a.dataset[key], b.dataset[key]) || compare(a.dataset.rank, b.dataset.rank); });
    rows.forEach(function (row) { list.appendChild(row); });
  }
  order.addEventListener("change", sort);
  boxes.forEach(function (box) { box.addEventListener("change", show); });
  filter.addEventListener("input", function () { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(show); });
  show();
})();
