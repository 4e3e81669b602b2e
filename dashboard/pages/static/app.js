// What every page has. Pages with more load a module of their own in the block `scripts`.
import "./copying.js";
import "./dialogs.js";
import "./menus.js";
import "./sections.js";
import "./theme_switch.js";
import "./times.js";
