/// Writes a Json as text. Include json.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include <accrete/io/json_access.hpp>
#include <accrete/io/json_number.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/io/json_value.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

class JsonWriter {
 public:
  explicit JsonWriter(int indent) : indent_(indent) {}

  void write(Json const& value);
  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  /// Writes the items with `write_item`, between brackets, with commas and the indentation.
  template <class Items>
  void write_container(char opening, Items const& items, char closing, auto const& write_item);
  void new_line();

  int indent_;
  std::size_t depth_ = 0;
  std::string out_;
};

inline void JsonWriter::new_line() {
  if (indent_ < 0) return;
  out_ += '\n';
  out_.append(depth_ * static_cast<std::size_t>(indent_), ' ');
}

template <class Items>
void JsonWriter::write_container(char opening, Items const& items, char closing,
                                 auto const& write_item) {
  out_ += opening;
  ++depth_;
  bool first = true;
  for (auto const& item : items) {
    if (!first) out_ += ',';
    first = false;
    new_line();
    write_item(item);
  }
  --depth_;
  if (!first) new_line();
  out_ += closing;
}

inline void JsonWriter::write(Json const& value) {
  switch (value.kind()) {
    case JsonKind::null:
      out_ += "null";
      return;
    case JsonKind::boolean:
      out_ += value.as_bool() ? "true" : "false";
      return;
    case JsonKind::number:
      return value.is_int() ? append_json_number(out_, value.as_int())
                            : append_json_number(out_, value.as_double());
    case JsonKind::string:
      return append_json_string(out_, value.as_string());
    case JsonKind::array:
      return write_container('[', value.as_array(), ']', [this](Json const& item) { write(item); });
    case JsonKind::object:
      return write_container('{', value.as_object(), '}', [this](JsonObject::Member const& member) {
        append_json_string(out_, member.first);
        out_ += indent_ < 0 ? ":" : ": ";
        write(member.second);
      });
  }
}

}  // namespace detail

inline std::string Json::dump(int indent) const {
  detail::JsonWriter writer(indent);
  writer.write(*this);
  return std::move(writer).text();
}

ACCRETE_END_NAMESPACE
