/// Reads JSON whose form is known, and says of whatever is wrong where it stands: by path and offset.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json_reader.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// A JsonReader that knows its path, such as model.merges[17].
class JsonPathReader {
 public:
  static constexpr std::size_t longest_key = 64;  // of a member of an object

  JsonPathReader(std::string_view text, std::string_view source)
      : json_(text, std::string(source)) {}

  /// A reader of the same text from `offset` on, whose paths begin there.
  [[nodiscard]] JsonPathReader from(std::uint64_t offset) const {
    return JsonPathReader(json_.from(offset));
  }

  [[nodiscard]] JsonReader& json() { return json_; }
  [[nodiscard]] std::uint64_t offset() { return json_.offset(); }

  /// The path of the value that is being read.
  [[nodiscard]] std::string path() const;

  /// FileError with `offset`, the path and the reason.
  template <class... Reason>
  [[noreturn]] void refuse(std::uint64_t offset, Reason const&... reason) const {
    json_.fail(offset, message(path(), path_.empty() ? "" : ": ", reason...));
  }

  /// Calls member(key) for each member of an object, which reads its value. No key may come twice.
  template <class Member>
  void object(Member member);

  /// Calls element(index) for each element of an array, which reads it.
  template <class Element>
  void array(Element element);

  [[nodiscard]] bool boolean() { return of_kind(JsonKind::boolean), json_.read_bool(); }
  [[nodiscard]] std::string string() { return of_kind(JsonKind::string), json_.read_string(); }
  template <class T>
  [[nodiscard]] T integer() {
    of_kind(JsonKind::number);
    return json_.read_integer<T>();
  }
  [[nodiscard]] double number() {
    of_kind(JsonKind::number);
    return std::visit([](auto value) { return static_cast<double>(value); }, json_.read_number());
  }

  /// True, and passes over it, if null comes next.
  [[nodiscard]] bool null() {
    bool const is_null = json_.peek() == JsonKind::null;
    if (is_null) json_.read_null();
    return is_null;
  }

 private:
  explicit JsonPathReader(JsonReader json) : json_(std::move(json)) {}

  struct Step {
    std::string key;  // of an object's member, or
    std::size_t index;
  };
  void of_kind(JsonKind wanted) {
    JsonKind const found = json_.peek();
    if (found != wanted) refuse(offset(), "expected ", name_of(wanted), ", found ", name_of(found));
  }

  JsonReader json_;
  std::vector<Step> path_;
};

inline std::string JsonPathReader::path() const {
  std::string path;
  for (Step const& step : path_) {
    if (step.key.empty()) {
      path += message('[', step.index, ']');
    } else {
      path += message(path.empty() ? "" : ".", step.key);
    }
  }
  return path;
}

template <class Member>
void JsonPathReader::object(Member member) {
  of_kind(JsonKind::object);
  json_.begin_object();
  std::vector<std::string> seen;
  while (std::optional<std::string> const key = json_.next_key()) {
    if (key->empty() || key->size() > longest_key)
      refuse(json_.key_offset(), "unknown key ", excerpt(*key));
    if (std::find(seen.begin(), seen.end(), *key) != seen.end())
      refuse(json_.key_offset(), "the key ", excerpt(*key), " stands twice");
    if (seen.size() == 64) refuse(json_.key_offset(), "more keys than any known form has");
    seen.push_back(*key);
    path_.push_back({*key, 0});
    member(std::string_view(*key));
    path_.pop_back();
  }
}

template <class Element>
void JsonPathReader::array(Element element) {
  of_kind(JsonKind::array);
  json_.begin_array();
  path_.push_back({{}, 0});
  for (; json_.next_element(); ++path_.back().index) element(path_.back().index);
  path_.pop_back();
}

}  // namespace detail

ACCRETE_END_NAMESPACE
