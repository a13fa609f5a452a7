// SPDX-License-Identifier: Apache-2.0
'use strict';
(async () => {
  try {
    const node = document.getElementById('data');
    if (node.type === 'application/json') T.run(JSON.parse(node.textContent));
    else T.sweep(await T.unpack(node.textContent));
  } catch (error) {
    T.fail(`The page cannot be shown: ${error.message}`);
    throw error;
  }
})();
