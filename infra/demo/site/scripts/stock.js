for (const place of document.querySelectorAll("[data-stock]")) {
  const answer = await fetch(`/api/stock.json?product=${place.dataset.stock}`);
  const { left } = await answer.json();
  place.textContent = left > 5 ? `${left} left today` : `Only ${left} left`;
}
