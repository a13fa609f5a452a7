// SPDX-License-Identifier: Apache-2.0
#include "page/html.hpp"

#include <openssl/evp.h>
#include <zlib.h>

#include <limits>

#include "numerics/errors.hpp"
#include "page/page_assets.hpp"

namespace tactus::page {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct Place {
  const char* name;
  const std::string text;
};

/// One pass over the template: text that is put in is not looked at again.
std::string fill(const std::vector<Place>& places) {
  const std::string source = page_assets::page;
  std::string out;
  std::size_t at = 0;
  while (true) {
    const Place* next = nullptr;
    std::size_t where = std::string::npos;
    for (const Place& place : places) {
      const std::size_t found = source.find(place.name, at);
      if (found < where) {
        where = found;
        next = &place;
      }
    }
    if (next == nullptr) break;
    out.append(source, at, where - at);
    out += next->text;
    at = where + std::string(next->name).size();
  }
  return out.append(source, at, std::string::npos);
}

std::string page_of(const std::string& title, const char* type, const std::string& data) {
  return fill({{"@TITLE@", escaped(title)},
               {"@STYLE@", page_assets::style},
               {"@LIBRARY@", page_assets::library},
               {"@DATATYPE@", type},
               {"@DATA@", data},
               {"@SCRIPT@", page_assets::script}});
}

}  // namespace

std::string page_with_json(const std::string& title, const std::string& json) {
  std::string data;
  data.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      data += "\\u003c";
    } else {
      data += c;
    }
  }
  return page_of(title, "application/json", data);
}

std::string page_with_bytes(const std::string& title, const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string packed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()),
                6) != Z_OK) {
    throw InternalError("zlib cannot compress the data of a page");
  }
  if (size > static_cast<uLongf>(std::numeric_limits<int>::max()) / 2) {
    throw BadInput("the sweep has too many points for one page: " + std::to_string(size >> 20U) +
                   " MiB of compressed data");
  }
  std::string text((size + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(packed.data()),
                                     static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  return page_of(title, "text/plain", text);
}

}  // namespace tactus::page
