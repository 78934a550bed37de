"use strict";
(function () {
  var table = document.getElementById("results");
  if (!table) { return; }
  var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
  var rows = Array.from(body.rows), filter = document.getElementById("filter");
  var boxes = Array.from(document.querySelectorAll(".tools input[type=checkbox]"));
  var shown = document.getElementById("shown");
  function show() {
    var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), n = 0;
    var off = boxes.filter(function (b) { return !b.checked; }).map(function (b) { return b.value; });
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      row.hidden = off.indexOf(row.dataset.verdict) >= 0 || !words.every(function (w) { return text.indexOf(w) >= 0; });
      if (!row.hidden) { n++; }
    });
    shown.textContent = n + " of " + rows.length + " shown";
  }
  function sort(column) {
    var head = heads[column], down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort(function (a, b) {
      var order = a.cells[column].dataset.key.localeCompare(b.cells[column].dataset.key);
      return down ? -order : order;
    });
    rows.forEach(function (row) { body.appendChild(row); });
  }
  heads.forEach(function (head, i) { head.firstElementChild.addEventListener("click", function () { sort(i); }); });
  boxes.forEach(function (box) { box.addEventListener("change", show); });
  filter.addEventListener("input", show);
  show();
})();
