/// Reads "pre_tokenizer", "post_processor" and "decoder" of a tokenizer.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json_reader.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/text/split_rule.hpp>
#include <accrete/text/tokenizer_json_parts.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// What the steps of a pre-tokenizer, post-processor or decoder may be, all in one: each knows its
/// type and the fields of all types that are supported.
struct JsonStep {
  std::string type;
  std::uint64_t offset = 0;
  bool prefix_space = true;  // ByteLevel, where nothing else is said
  bool use_regex = true;
  std::optional<SplitRule> pattern{};  // Split
  std::vector<JsonStep> steps{};       // Sequence
  JsonMarks marks{};                   // TemplateProcessing
};

/// More than any file means: marks and ids multiply, and a step takes ten times the memory of its text.
inline constexpr std::size_t most_json_steps = 64;

/// Whether `types`, each with a comma behind, has this one.
[[nodiscard]] inline bool is_one_of(std::string_view type, std::string_view types) {
  while (!types.empty()) {
    std::size_t const end = types.find(',');
    if (types.substr(0, end) == type) return true;
    types.remove_prefix(end + 1);
  }
  return false;
}

/// An array of at most most_json_steps elements.
template <class Element>
void short_array(JsonPathReader& reader, Element element) {
  reader.array([&](std::size_t index) {
    if (index == most_json_steps)
      reader.refuse(reader.offset(), "expected at most ", most_json_steps, " elements");
    element();
  });
}

/// {"Regex": "..."}
inline SplitRule read_split_pattern(JsonPathReader& reader) {
  std::optional<SplitRule> rule;
  std::uint64_t const place = reader.offset();
  reader.object([&](std::string_view key) {
    if (key != "Regex") unknown_key(reader);
    std::uint64_t const offset = reader.offset();
    std::string const pattern = reader.string();
    rule = split_rule_of(pattern);
    if (!rule) reader.refuse(offset, "this pattern is not supported: ", excerpt(pattern));
  });
  if (!rule) reader.refuse(place, "Regex is missing");
  return *rule;
}

/// [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
inline void read_template(JsonPathReader& reader, JsonMarks& marks) {
  std::uint64_t const place = reader.offset();
  bool after_text = false;
  short_array(reader, [&] {
    reader.object([&](std::string_view kind) {
      if (kind != "SpecialToken" && kind != "Sequence") unknown_key(reader);
      bool const is_text = kind == "Sequence";
      reader.object([&](std::string_view key) {
        std::uint64_t const offset = reader.offset();
        if (key == "type_id") {
          static_cast<void>(reader.integer<std::int64_t>());  // numbers tokens, changes none
        } else if (key != "id") {
          unknown_key(reader);
        } else if (std::string id = reader.string(); !is_text) {
          if (id.size() > JsonPathReader::longest_key)
            reader.refuse(offset, excerpt(id), " has no ids");
          (after_text ? marks.behind : marks.before).push_back({std::move(id), offset});
        } else if (id != "A" || after_text) {
          reader.refuse(offset, "expected the text A once, got ", excerpt(id));
        } else {
          after_text = true;
        }
      });
    });
  });
  if (!after_text) reader.refuse(place, "the text A is missing");
}

/// {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}
inline void read_template_tokens(JsonPathReader& reader, JsonMarks& marks) {
  reader.object([&](std::string_view name) {
    std::vector<TokenId>& ids = marks.ids[std::string(name)];
    reader.object([&](std::string_view key) {
      if (key == "ids") {
        short_array(reader, [&] { ids.push_back(reader.integer<TokenId>()); });
      } else if (key == "id") {
        std::uint64_t const offset = reader.offset();
        if (reader.string() != name) reader.refuse(offset, "expected the name ", name);
      } else if (key == "tokens") {
        reader.array([&](std::size_t) { static_cast<void>(reader.string()); });
      } else {
        unknown_key(reader);
      }
    });
  });
}

/// Reads one step; `types` lists those that are supported where it stands, each with a comma behind.
inline JsonStep read_step(JsonPathReader& reader, std::string_view types,
                          bool in_sequence = false) {
  JsonStep step{.type = {}, .offset = reader.offset()};
  reader.object([&](std::string_view key) {
    std::uint64_t const offset = reader.offset();
    if (key == "type") {
      step.type = reader.string();
      if (!is_one_of(step.type, types))
        reader.refuse(offset, excerpt(step.type), " is not supported, expected one of ", types);
      if (in_sequence && step.type == "Sequence")
        reader.refuse(offset, "a Sequence in a Sequence is not supported");
    } else if (step.type == "ByteLevel" && key == "add_prefix_space") {
      step.prefix_space = reader.boolean();
    } else if (step.type == "ByteLevel" && key == "use_regex") {
      step.use_regex = reader.boolean();
    } else if (step.type == "ByteLevel" && key == "trim_offsets") {
      static_cast<void>(reader.boolean());  // about offsets in the text, not about ids
    } else if (step.type == "Split" && key == "pattern") {
      step.pattern = read_split_pattern(reader);
    } else if (step.type == "Split" && key == "behavior") {
      std::string const behavior = reader.string();
      if (behavior != "Isolated")
        reader.refuse(offset, excerpt(behavior), " is not supported, expected Isolated");
    } else if (step.type == "Split" && key == "invert") {
      only_boolean(reader, false);
    } else if (step.type == "Sequence" &&
               (key == "pretokenizers" || key == "processors" || key == "decoders")) {
      short_array(reader, [&] { step.steps.push_back(read_step(reader, types, true)); });
    } else if (step.type == "TemplateProcessing" && key == "single") {
      read_template(reader, step.marks);
    } else if (step.type == "TemplateProcessing" && key == "pair") {
      reader.json().skip_value();  // pairs of texts are not encoded here
    } else if (step.type == "TemplateProcessing" && key == "special_tokens") {
      read_template_tokens(reader, step.marks);
    } else if (step.type.empty()) {
      reader.refuse(reader.json().key_offset(), "expected type as the first key");
    } else {
      unknown_key(reader);
    }
  });
  if (step.type.empty()) reader.refuse(step.offset, "type is missing");
  return step;
}

/// The steps of a Sequence, or the one step.
inline std::vector<JsonStep> read_steps(JsonPathReader& reader, std::string_view types) {
  JsonStep step = read_step(reader, types);
  std::vector<JsonStep> steps;
  if (step.type == "Sequence") {
    steps = std::move(step.steps);
  } else {
    steps.push_back(std::move(step));
  }
  return steps;
}

inline JsonPreTokenizer read_pre_tokenizer(JsonPathReader& reader) {
  JsonPreTokenizer result{.offset = reader.offset()};
  if (reader.null()) return result;
  std::vector<JsonStep> const steps = read_steps(reader, "ByteLevel,Split,Sequence,");
  result.byte_level = true;
  bool const splits_first = steps.size() == 2 && steps[0].type == "Split" && steps[0].pattern &&
                            steps[1].type == "ByteLevel";
  if (splits_first && !steps[1].use_regex && !steps[1].prefix_space) {
    result.split = *steps[0].pattern;
  } else if (steps.size() == 1 && steps[0].type == "ByteLevel") {
    result.split = steps[0].use_regex ? SplitRule::gpt2 : SplitRule::none;
    result.prefix_space = steps[0].prefix_space;
  } else {
    reader.refuse(result.offset,
                  "is not supported, expected null, ByteLevel, or a Split and then ByteLevel "
                  "with add_prefix_space and use_regex false");
  }
  return result;
}

inline JsonMarks read_post_processor(JsonPathReader& reader) {
  JsonMarks marks;
  if (reader.null()) return marks;
  bool has_template = false;
  for (JsonStep& step : read_steps(reader, "ByteLevel,TemplateProcessing,Sequence,")) {
    if (step.type != "TemplateProcessing") continue;  // ByteLevel changes offsets alone
    if (has_template) reader.refuse(step.offset, "a second template is not supported");
    has_template = true;
    marks = std::move(step.marks);
  }
  return marks;
}

inline std::optional<bool> read_decoder(JsonPathReader& reader) {
  if (reader.null()) return std::nullopt;
  bool byte_level = false;
  for (JsonStep const& step : read_steps(reader, "ByteLevel,ByteFallback,Fuse,Sequence,"))
    byte_level = byte_level || step.type == "ByteLevel";
  return byte_level;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
