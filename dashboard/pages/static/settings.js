// Choosing a preset fills in what it says, to be looked at before it is saved.
const preset = document.getElementById("preset");

preset.addEventListener("change", () => {
  const fields = JSON.parse(preset.selectedOptions[0].dataset.fields);
  for (const [name, text] of Object.entries(fields)) {
    const field = document.getElementById(name);
    if (name === "preset" || name === "custom_id_claim") continue; // this is the site's own
    if (field.type === "checkbox") field.checked = Boolean(text);
    else field.value = text;
  }
});
