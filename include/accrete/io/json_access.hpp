/// How a Json is made, asked and changed. Include json.hpp.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <accrete/io/json_string.hpp>
#include <accrete/io/json_value.hpp>
#include <accrete/io/utf8_check.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

inline void check_json_string(std::string_view value) {
  std::size_t const valid = well_formed_utf8_prefix(value);
  if (valid != value.size())
    throw ValueError(message("Json: byte ", valid, " of a string is not UTF-8"));
}

}  // namespace detail

Json::Json(StandardInteger auto value) : value_(static_cast<std::int64_t>(value)) {
  if (!std::in_range<std::int64_t>(value)) {
    throw ValueError(
        message("Json: the integer ", value, " does not fit into 64 bits with a sign"));
  }
}

Json::Json(std::floating_point auto value) : value_(static_cast<double>(value)) {
  if (!std::isfinite(std::get<double>(value_)))
    throw ValueError(message("Json: the number ", value));
}

inline Json::Json(std::string_view value) {
  detail::check_json_string(value);
  value_ = String(std::string(value));
}

inline Json::Json(Array elements) : value_(detail::Boxed<Array>(std::move(elements))) {}
inline Json::Json(JsonObject members) : value_(detail::Boxed<JsonObject>(std::move(members))) {}

inline Json Json::array(std::initializer_list<Json> elements) {
  return Array(elements);
}

template <std::ranges::input_range Range>
Json Json::array(Range const& elements) {
  Array array;
  for (auto const& element : elements) array.emplace_back(element);
  return array;
}

inline Json Json::object(std::initializer_list<std::pair<std::string_view, Json>> members) {
  JsonObject object;
  for (auto const& [key, value] : members) object[key] = value;
  return object;
}

inline JsonKind Json::kind() const {
  constexpr JsonKind kinds[] = {JsonKind::null,   JsonKind::boolean, JsonKind::number,
                                JsonKind::number, JsonKind::string,  JsonKind::array,
                                JsonKind::object};
  return kinds[value_.index()];
}

template <class T>
T const& Json::get(std::string_view expected) const {
  if (T const* const value = std::get_if<T>(&value_)) return *value;
  throw ValueError(message("Json: expected ", expected, ", found ", name_of(kind())));
}

inline bool Json::as_bool() const {
  return get<bool>(name_of(JsonKind::boolean));
}

inline std::int64_t Json::as_int() const {
  if (is_double()) throw ValueError("Json: expected an integer, found " + dump());
  return get<std::int64_t>("an integer");
}

inline double Json::as_double() const {
  if (is_int()) return static_cast<double>(as_int());
  return get<double>(name_of(JsonKind::number));
}

inline std::string const& Json::as_string() const {
  return *get<String>(name_of(JsonKind::string));
}

inline Json::Array const& Json::as_array() const {
  return *get<detail::Boxed<Array>>(name_of(JsonKind::array));
}

inline Json::Array& Json::as_array() {
  return const_cast<Array&>(std::as_const(*this).as_array());
}

inline JsonObject const& Json::as_object() const {
  return *get<detail::Boxed<JsonObject>>(name_of(JsonKind::object));
}

inline JsonObject& Json::as_object() {
  return const_cast<JsonObject&>(std::as_const(*this).as_object());
}

inline std::size_t Json::size() const {
  return is_array() ? as_array().size() : as_object().size();
}

std::size_t Json::checked_position(StandardInteger auto position) const {
  std::size_t const count = as_array().size();
  if (std::cmp_less(position, 0) || std::cmp_greater_equal(position, count)) {
    throw ValueError(message("Json: position ", position, " in an array of ", count));
  }
  return static_cast<std::size_t>(position);
}

Json const& Json::at(StandardInteger auto position) const {
  return as_array()[checked_position(position)];
}

Json& Json::operator[](StandardInteger auto position) {
  return as_array()[checked_position(position)];
}

inline Json const* Json::find(std::string_view key) const {
  return as_object().find(key);
}

inline Json const& Json::at(std::string_view key) const {
  if (Json const* const value = find(key)) return *value;
  throw ValueError(message("Json: the key ", detail::excerpt(key), " is missing"));
}

inline Json& Json::operator[](std::string_view key) {
  return as_object()[key];
}

// ---- JsonObject

inline JsonObject::JsonObject(JsonObject const& other) {
  order_.reserve(other.size());
  for (auto const& [key, value] : other) order_.push_back(&*by_key_.emplace(key, value).first);
}

inline JsonObject& JsonObject::operator=(JsonObject other) noexcept {
  by_key_.swap(other.by_key_);
  order_.swap(other.order_);
  return *this;
}

inline Json const* JsonObject::find(std::string_view key) const {
  auto const found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &found->second;
}

inline Json& JsonObject::operator[](std::string_view key) {
  auto place = by_key_.lower_bound(key);
  if (place == by_key_.end() || place->first != key) {
    detail::check_json_string(key);
    if (order_.size() == order_.capacity()) order_.reserve(2 * order_.size() + 4);
    place = by_key_.emplace_hint(place, key, nullptr);
    order_.push_back(&*place);
  }
  return place->second;
}

inline JsonObject::Iterator JsonObject::begin() const {
  return Iterator(order_.data());
}
inline JsonObject::Iterator JsonObject::end() const {
  return Iterator(order_.data() + order_.size());
}

ACCRETE_END_NAMESPACE
