const KEY = "harbour-basket";
const read = () => JSON.parse(localStorage.getItem(KEY) ?? "{}");
const show = () => {
  const basket = read();
  const count = Object.values(basket).reduce((sum, amount) => sum + amount, 0);
  for (const output of document.querySelectorAll("#basket-count")) output.value = count;
  const table = document.querySelector("#basket tbody");
  if (table) {
    table.replaceChildren(...Object.entries(basket).map(([name, amount]) => {
      const row = document.createElement("tr");
      for (const text of [name, `× ${amount}`]) row.insertCell().textContent = text;
      return row;
    }));
  }
};
document.addEventListener("click", (event) => {
  const name = event.target.dataset?.add;
  const basket = event.target.id === "empty" ? {} : read();
  if (name) basket[name] = (basket[name] ?? 0) + 1;
  if (name || event.target.id === "empty") {
    localStorage.setItem(KEY, JSON.stringify(basket));
    show();
  }
});
show();
