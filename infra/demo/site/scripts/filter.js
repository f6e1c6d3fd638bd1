const field = document.querySelector("#filter");
const cards = [...document.querySelectorAll(".card")];
field.addEventListener("input", () => {
  const wanted = field.value.trim().toLowerCase();
  for (const card of cards) card.hidden = !card.textContent.toLowerCase().includes(wanted);
});
