// SPDX-License-Identifier: Apache-2.0
// TACTUS_FIELD(vector, NAME): the bits of a field of an op or parameter record, by the positions of
// tactus_op_pkg. Yosys 0.23 knows no import, so constants are named with their package.
`ifndef TACTUS_FIELD_SVH
`define TACTUS_FIELD_SVH
`define TACTUS_FIELD(vector, name) \
  vector[tactus_op_pkg::name``_LSB +: tactus_op_pkg::name``_W]
`endif
