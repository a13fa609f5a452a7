// SPDX-License-Identifier: Apache-2.0
#include "timeline/trace_json.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

/// Bytes of the UTF-8 character at `i`, 0 when there is none.
std::size_t utf8_length(const std::string& text, std::size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const std::size_t length = lead < 0x80                    ? 1
                             : lead >= 0xC2 && lead < 0xE0  ? 2
                             : lead >= 0xE0 && lead < 0xF0  ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || i + length > text.size()) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

/// 1500 thousandths are "1.5".
std::string decimal(std::uint64_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  if (thousandths % 1000 == 0) return text;
  std::string rest = std::to_string(1000 + thousandths % 1000).substr(1);
  rest.resize(rest.find_last_not_of('0') + 1);
  return text + "." + rest;
}

}  // namespace

std::string json_quoted(const std::string& text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text, i);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
      out += code.data();
    } else if (length == 0) {
      out += '?';
    } else {
      out.append(text, i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return out + "\"";
}

WholeFile::WholeFile(std::string path) : path_(std::move(path)) {
  struct stat info {};
  const bool direct = stat(path_.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  temporary_ = direct ? path_ : path_ + ".tmp" + std::to_string(getpid());
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) fail("create");
}

WholeFile::~WholeFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  if (temporary_ != path_) std::remove(temporary_.c_str());
}

void WholeFile::fail(const char* what) {
  throw BadInput(std::string("cannot ") + what + " " + path_, path_);
}

void WholeFile::write(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) fail("write all of");
}

void WholeFile::commit() {
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (closed && temporary_ == path_) return;
  if (!closed || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    std::remove(temporary_.c_str());
    fail(closed ? "replace" : "write all of");
  }
}

TraceArgs& TraceArgs::text(const char* name, const std::string& value) {
  body_ += (body_.empty() ? "" : ",") + json_quoted(name) + ":" + json_quoted(value);
  return *this;
}

TraceArgs& TraceArgs::number(const char* name, std::uint64_t value) {
  body_ += (body_.empty() ? "" : ",") + json_quoted(name) + ":" + std::to_string(value);
  return *this;
}

TraceArgs& TraceArgs::milli(const char* name, std::uint64_t thousandths) {
  body_ += (body_.empty() ? "" : ",") + json_quoted(name) + ":" + decimal(thousandths);
  return *this;
}

TraceJson::TraceJson(const std::string& path) : file_(path) {
  file_.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
}

void TraceJson::event(const std::string& fields) {
  file_.write((first_ ? "\n{" : ",\n{") + fields + "}");
  first_ = false;
}

void TraceJson::name_process(int process, const std::string& name) {
  const std::string id = "\"ph\":\"M\",\"ts\":0,\"tid\":0,\"pid\":" + std::to_string(process);
  event(id + ",\"name\":\"process_name\",\"args\":{\"name\":" + json_quoted(name) + "}");
  event(id + ",\"name\":\"process_sort_index\",\"args\":{\"sort_index\":" +
        std::to_string(process) + "}");
}

void TraceJson::name_track(Track track, const std::string& name) {
  const std::string id = "\"ph\":\"M\",\"ts\":0,\"pid\":" + std::to_string(track.process) +
                         ",\"tid\":" + std::to_string(track.thread);
  event(id + ",\"name\":\"thread_name\",\"args\":{\"name\":" + json_quoted(name) + "}");
  event(id + ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":" +
        std::to_string(track.thread) + "}");
}

void TraceJson::slice(Track track, const std::string& name, const char* category, Cycle from,
                      Cycle to, const TraceArgs& args) {
  if (to <= from) throw InternalError("a slice of the timeline, " + name + ", has no cycles");
  event("\"ph\":\"X\",\"pid\":" + std::to_string(track.process) +
        ",\"tid\":" + std::to_string(track.thread) + ",\"ts\":" + std::to_string(from) +
        ",\"dur\":" + std::to_string(to - from) + ",\"cat\":\"" + category +
        "\",\"name\":" + json_quoted(name) + ",\"args\":" + args.json());
}

void TraceJson::counter(int process, const std::string& name, Cycle at, const char* unit,
                        std::uint64_t thousandths) {
  event("\"ph\":\"C\",\"pid\":" + std::to_string(process) +
        ",\"tid\":0,\"ts\":" + std::to_string(at) + ",\"name\":" + json_quoted(name) +
        ",\"args\":" + TraceArgs().milli(unit, thousandths).json());
}

void TraceJson::finish(const TraceArgs& properties) {
  file_.write("\n],\"otherData\":" + properties.json() + "}\n");
  file_.commit();
}

std::size_t Rows::place(Cycle from, Cycle to) {
  for (std::size_t i = 0; i < end_.size(); ++i) {
    if (end_[i] <= from) {
      end_[i] = to;
      return i;
    }
  }
  end_.push_back(to);
  return end_.size() - 1;
}

}  // namespace tactus
