// SPDX-License-Identifier: Apache-2.0
// Every beat on the off-chip ports with its cycle, as CSV or HDF5 (traces/README.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "program/program.hpp"

namespace tactus {

/// One beat.
struct MemoryAccess {
  Cycle cycle = 0;
  std::uint64_t address = 0;  ///< of the beat's first byte
  std::uint32_t bytes = 0;    ///< valid ones; a line's last beat may have fewer than the port
  bool write = false;
  std::uint32_t tensor = 0;  ///< number of the name
  std::int32_t layer = -1;   ///< that the op works for; -1 for the first program segment
};

/// Where accesses go.
class MemoryTraceSink {
 public:
  virtual ~MemoryTraceSink() = default;
  virtual void put(const MemoryAccess& access, const std::vector<std::string>& tensors) = 0;
  /// The file is there after this.
  virtual void finish(const std::vector<std::string>& tensors) = 0;
};

class MemoryTraceWriter {
 public:
  /// The file's name ends in .csv, .h5 or .hdf5 (BadInput otherwise). Keeps references to program
  /// and config.
  MemoryTraceWriter(const std::string& path, const Program& program, const ArchConfig& config,
                    const std::string& tool);
  /// Throws BadInput when the retire stream does not say when each beat passed, because the ports
  /// were held up.
  void add(const RunResult& result);
  void finish();

 private:
  struct Stream;  ///< the accesses of one port, by rising cycle
  [[nodiscard]] std::uint32_t name_number(const std::string& name);
  [[nodiscard]] std::uint32_t tensor_at(const TileOp& op, std::uint64_t address);
  void read_boot(std::vector<MemoryAccess>& out);
  void accesses_of(const TileOp& op, const RetireRecord& record, std::vector<MemoryAccess>& out);

  /// Addresses [from, to) of a tensor.
  struct Range {
    std::uint64_t from = 0, to = 0;
    std::uint32_t name = 0;
  };
  const Program& program_;
  const ArchConfig& config_;
  std::string path_;
  std::unique_ptr<MemoryTraceSink> sink_;
  std::vector<std::string> names_;
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<Range> ranges_;  ///< by address
  Cycle offset_ = 0;
};

}  // namespace tactus
