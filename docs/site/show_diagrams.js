// Draws the diagrams of a page: Sphinx writes each as a block with the class "mermaid".
document.addEventListener("DOMContentLoaded", () => {
  const dark = document.body.dataset.theme === "dark" ||
    (document.body.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  for (const block of document.querySelectorAll("div.mermaid")) {
    const text = block.textContent;
    block.className = "mermaid";
    block.textContent = text;
  }
  mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "default" });
  mermaid.run({ querySelector: "div.mermaid" });
});
