// Imports a module for the bundled command: a script that was made from cached bytecode cannot (vm.Script, importModuleDynamically).
'use strict';
module.exports = (url) => import(url);
