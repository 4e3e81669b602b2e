// A visitor's page, kept up to date.
import { follow } from "./live.js";

follow(document.querySelector("[data-live]"));
