/// The synopsis of Json, a JSON value in memory. Include json.hpp, which defines all of it.
#pragma once

#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/json_kind.hpp>
#include <accrete/io/json_reader.hpp>
#include <accrete/io/memory_budget.hpp>
#include <accrete/io/standard_integer.hpp>

ACCRETE_BEGIN_NAMESPACE

class JsonObject;

namespace detail {

/// A T on the heap that copies and compares like a T: keeps Json at 16 bytes and lets it contain itself.
template <class T>
class Boxed {
 public:
  explicit Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Boxed(Boxed const& other) : value_(std::make_unique<T>(*other)) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Boxed() = default;

  [[nodiscard]] T& operator*() { return *value_; }
  [[nodiscard]] T const& operator*() const { return *value_; }
  [[nodiscard]] bool operator==(Boxed const& other) const { return **this == *other; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace detail

/// How far a parser goes with a text from a stranger.
struct JsonLimits {
  std::size_t max_depth = JsonReader::default_max_depth;

  /// The values of a text of n bytes may take base_memory + memory_per_byte * n bytes. Together with the text
  /// itself this is less than 16 MiB + 4 n; a reader of larger things uses JsonReader and makes no values.
  std::uint64_t base_memory = MemoryBudget::default_base;
  std::uint64_t memory_per_byte = MemoryBudget::default_per_byte;
};

/// null, a boolean, an integer (int64), a double, a string, an array or an object.
///
/// Every Json can be written: numbers that are not finite and strings that are not UTF-8 are refused when the
/// value is made. Integers and doubles stay what they are through dump and parse, to the last bit.
class Json {
 public:
  using Array = std::vector<Json>;

  Json(std::nullptr_t = nullptr) {}
  Json(std::same_as<bool> auto value) : value_(value) {}
  Json(StandardInteger auto value);      ///< ValueError beyond int64
  Json(std::floating_point auto value);  ///< ValueError for NaN and infinity
  Json(std::string_view value);          ///< ValueError unless it is UTF-8
  Json(std::string const& value) : Json(std::string_view(value)) {}
  Json(char const* value) : Json(std::string_view(value)) {}
  Json(Array elements);
  Json(JsonObject members);

  Json(Json const&) = default;
  Json(Json&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Json& operator=(Json other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Json() = default;

  /// Json::array({1, "two", 3.0}), Json::array(losses), Json::object({{"steps", 400}, {"loss", 2.5}})
  [[nodiscard]] static Json array(std::initializer_list<Json> elements = {});
  template <std::ranges::input_range Range>
  [[nodiscard]] static Json array(Range const& elements);
  [[nodiscard]] static Json object(
      std::initializer_list<std::pair<std::string_view, Json>> members = {});

  /// The value that the whole `text` holds. FileError(source_name, offset, reason) if it is not strict JSON
  /// (RFC 8259, no key twice in one object) or goes beyond the limits.
  [[nodiscard]] static Json parse(std::string_view text, std::string_view source_name,
                                  JsonLimits const& limits = {});

  /// One line for indent < 0, else one line for each element and member.
  [[nodiscard]] std::string dump(int indent = -1) const;

  [[nodiscard]] JsonKind kind() const;
  [[nodiscard]] bool is_null() const { return kind() == JsonKind::null; }
  [[nodiscard]] bool is_bool() const { return kind() == JsonKind::boolean; }
  [[nodiscard]] bool is_number() const { return kind() == JsonKind::number; }
  [[nodiscard]] bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  [[nodiscard]] bool is_double() const { return std::holds_alternative<double>(value_); }
  [[nodiscard]] bool is_string() const { return kind() == JsonKind::string; }
  [[nodiscard]] bool is_array() const { return kind() == JsonKind::array; }
  [[nodiscard]] bool is_object() const { return kind() == JsonKind::object; }

  /// The value as what it is; a ValueError says what was expected and found. as_double takes integers too.
  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] std::int64_t as_int() const;
  [[nodiscard]] double as_double() const;
  [[nodiscard]] std::string const& as_string() const;
  [[nodiscard]] Array const& as_array() const;
  [[nodiscard]] Array& as_array();
  [[nodiscard]] JsonObject const& as_object() const;
  [[nodiscard]] JsonObject& as_object();

  /// The number of elements or members; ValueError for other kinds.
  [[nodiscard]] std::size_t size() const;

  /// Arrays: a ValueError says which position is outside.
  void push_back(Json element) { as_array().push_back(std::move(element)); }
  [[nodiscard]] Json const& at(StandardInteger auto position) const;
  [[nodiscard]] Json& operator[](StandardInteger auto position);

  /// Objects: `at` throws a ValueError that names a missing key, `find` gives nullptr, [] adds it as null.
  [[nodiscard]] Json const& at(std::string_view key) const;
  [[nodiscard]] Json const* find(std::string_view key) const;
  [[nodiscard]] bool contains(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] Json& operator[](std::string_view key);

  /// The same kinds and values; the order of members does not count. An integer never equals a double.
  [[nodiscard]] friend bool operator==(Json const& a, Json const& b) {
    return a.value_ == b.value_;
  }

 private:
  using String = detail::Boxed<std::string>;
  using Value = std::variant<std::nullptr_t, bool, std::int64_t, double, String,
                             detail::Boxed<Array>, detail::Boxed<JsonObject>>;

  template <class T>
  [[nodiscard]] T const& get(std::string_view expected) const;
  [[nodiscard]] std::size_t checked_position(StandardInteger auto position) const;

  Value value_ = nullptr;
};

/// Members in the order of their insertion, found by key in O(log n).
class JsonObject {
 public:
  using Member = std::map<std::string, Json, std::less<>>::value_type;
  class Iterator;

  JsonObject() = default;
  JsonObject(JsonObject const& other);
  JsonObject(JsonObject&&) noexcept = default;
  JsonObject& operator=(JsonObject other) noexcept;
  ~JsonObject() = default;

  [[nodiscard]] std::size_t size() const { return order_.size(); }
  [[nodiscard]] bool empty() const { return order_.empty(); }
  [[nodiscard]] Json const* find(std::string_view key) const;

  /// The member's value. A new member is null and comes last; ValueError if its key is not UTF-8.
  [[nodiscard]] Json& operator[](std::string_view key);

  /// for (auto const& [key, value] : object)
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

  [[nodiscard]] friend bool operator==(JsonObject const& a, JsonObject const& b) {
    return a.by_key_ == b.by_key_;
  }

 private:
  std::map<std::string, Json, std::less<>> by_key_;
  std::vector<Member const*> order_;
};

class JsonObject::Iterator {
 public:
  using value_type = Member;
  using difference_type = std::ptrdiff_t;

  Iterator() = default;
  explicit Iterator(Member const* const* position) : position_(position) {}
  [[nodiscard]] Member const& operator*() const { return **position_; }
  [[nodiscard]] Member const* operator->() const { return *position_; }
  Iterator& operator++() {
    ++position_;
    return *this;
  }
  Iterator operator++(int) { return Iterator(position_++); }
  [[nodiscard]] bool operator==(Iterator const&) const = default;

 private:
  Member const* const* position_ = nullptr;
};

ACCRETE_END_NAMESPACE
