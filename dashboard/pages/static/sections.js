// On small screens the sections are one line that scrolls sideways; the present one is in sight.
const present = document.querySelector(".sections a[aria-current]");
const line = present?.closest(".sections");
if (line) {
  const { left, width } = present.getBoundingClientRect();
  line.scrollLeft += left - line.getBoundingClientRect().left - (line.clientWidth - width) / 2;
}
