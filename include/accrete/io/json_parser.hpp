/// Makes a Json of text. Include json.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <accrete/io/json_access.hpp>
#include <accrete/io/json_reader.hpp>
#include <accrete/io/json_value.hpp>
#include <accrete/io/memory_budget.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Builds values while a budget counts what they take on the heap, so that no text makes memory explode:
/// "[[],[],...]" would take twenty times its size.
class JsonParser {
 public:
  JsonParser(std::string_view text, std::string_view source_name, JsonLimits const& limits)
      : reader_(text, std::string(source_name), limits.max_depth),
        budget_(text.size(), limits.base_memory, limits.memory_per_byte) {}

  [[nodiscard]] Json parse_text();

 private:
  [[nodiscard]] Json parse_value();
  [[nodiscard]] Json parse_array();
  [[nodiscard]] Json parse_object();
  [[nodiscard]] Json parse_string();

  void reserve_more(Json::Array& array);
  void spend(std::uint64_t bytes);

  static constexpr std::size_t short_array = 64;
  static constexpr std::uint64_t allocation_bytes = 16;  // what an allocator adds
  static constexpr std::uint64_t box_bytes = sizeof(std::string) + allocation_bytes;
  static constexpr std::uint64_t array_bytes = sizeof(Json::Array) + allocation_bytes;
  static constexpr std::uint64_t object_bytes = sizeof(JsonObject) + allocation_bytes;
  // A node of the map (four words of links), its place in the order, which may just be growing.
  static constexpr std::uint64_t member_bytes =
      sizeof(JsonObject::Member) + 4 * sizeof(void*) + 3 * sizeof(void*) + allocation_bytes;

  JsonReader reader_;
  MemoryBudget budget_;
  std::uint64_t counted_to_ = 0;  // elements up to here have been counted
};

inline void JsonParser::spend(std::uint64_t bytes) {
  if (!budget_.spend(bytes)) {
    reader_.fail(reader_.offset(), "the values up to here take more memory than the limits allow");
  }
}

inline Json JsonParser::parse_text() {
  Json value = parse_value();
  reader_.end_of_text();
  return value;
}

inline Json JsonParser::parse_value() {
  switch (reader_.peek()) {
    case JsonKind::null:
      reader_.read_null();
      return nullptr;
    case JsonKind::boolean:
      return reader_.read_bool();
    case JsonKind::number:
      return std::visit([](auto number) { return Json(number); }, reader_.read_number());
    case JsonKind::string:
      return parse_string();
    case JsonKind::array:
      return parse_array();
    case JsonKind::object:
      break;
  }
  return parse_object();
}

inline Json JsonParser::parse_string() {
  std::string value = reader_.read_string();
  spend(box_bytes + value.size());
  return value;
}

inline Json JsonParser::parse_array() {
  spend(array_bytes);
  reader_.begin_array();
  Json::Array array;
  while (reader_.next_element()) {
    if (array.size() == array.capacity()) reserve_more(array);
    array.push_back(parse_value());
  }
  return array;
}

/// A short array doubles. The elements that a longer one has yet to come are counted, so that it moves once; those within
/// them are not counted again, which bounds the time.
inline void JsonParser::reserve_more(Json::Array& array) {
  std::size_t capacity = std::max<std::size_t>(2, 2 * array.size());
  if (array.size() >= short_array && reader_.offset() >= counted_to_) {
    capacity = array.size();
    JsonReader ahead = reader_;
    do {
      ahead.skip_value();
      ++capacity;
    } while (ahead.next_element());
    counted_to_ = ahead.offset();
  }
  spend(capacity * sizeof(Json) + allocation_bytes);
  array.reserve(capacity);
}

inline Json JsonParser::parse_object() {
  spend(object_bytes);
  reader_.begin_object();
  JsonObject object;
  while (std::optional<std::string> const key = reader_.next_key()) {
    spend(member_bytes + key->size());
    if (object.find(*key) != nullptr) {
      reader_.fail(reader_.key_offset(),
                   message("the key ", excerpt(*key), " stands twice in one object"));
    }
    object[*key] = parse_value();
  }
  return object;
}

}  // namespace detail

inline Json Json::parse(std::string_view text, std::string_view source_name,
                        JsonLimits const& limits) {
  return detail::JsonParser(text, source_name, limits).parse_text();
}

ACCRETE_END_NAMESPACE
