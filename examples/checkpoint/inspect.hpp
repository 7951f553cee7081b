/// accrete-checkpoint inspect
#pragma once

#include <cstdio>

#include "contents.hpp"

namespace inspect_detail {

/// `value` as lines "name: value", objects indented below their names.
inline void print(std::string const& name, accrete::Json const& value, int indent) {
  std::string const text = value.is_string() ? value.as_string() : value.dump();
  bool const is_block = value.is_object() && text.size() > 100;
  std::printf("%*s%s:%s%s\n", indent, "", printable(name).c_str(), is_block ? "" : " ",
              is_block ? "" : printable(text).c_str());
  if (is_block)
    for (auto const& [key, inner] : value.as_object()) print(key, inner, indent + 2);
}

}  // namespace inspect_detail

[[nodiscard]] inline Status inspect(Arguments const& arguments) {
  accrete::SafetensorsReader const file = open(arguments.files[0], arguments.verify);
  accrete::Json contents = contents_of(file);
  if (arguments.json) {
    if (arguments.tensors) {
      accrete::Json list = accrete::Json::array();
      for (accrete::TensorInfo const& tensor : file.tensors()) {
        accrete::Json row = accrete::Json::object(
            {{"name", tensor.name}, {"dtype", accrete::name_of(tensor.dtype)}});
        row["shape"] = accrete::Json::array();
        for (accrete::Index const extent : tensor.shape) row["shape"].push_back(extent);
        if (auto const* const digest = file.stated_digest(tensor))
          row["sha256"] = accrete::to_hex(*digest);
        list.push_back(std::move(row));
      }
      contents["tensors"] = std::move(list);
    }
    std::printf("%s\n", contents.dump().c_str());
    return is_so;
  }
  for (auto const& [key, value] : contents.as_object()) inspect_detail::print(key, value, 0);
  if (arguments.tensors)
    for (accrete::TensorInfo const& tensor : file.tensors())
      std::printf("%-6s %-14s %s\n", std::string(accrete::name_of(tensor.dtype)).c_str(),
                  shape_of(tensor).c_str(), printable(tensor.name).c_str());
  return is_so;
}
