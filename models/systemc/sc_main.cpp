// SPDX-License-Identifier: Apache-2.0
// libsystemc refers to sc_main even when the program has its own main().
#include <systemc>

int sc_main(int, char*[]) { return 0; }
