const place = document.querySelector("#tide");
const refresh = async () => {
  const tide = await (await fetch(place.dataset.source)).json();
  place.textContent = `Water at the quay: ${tide.metres.toFixed(2)} m and ${tide.rising ? "rising" : "falling"}`;
};
refresh();
setInterval(refresh, 5000);
