/// What the cells of a study share: tokens to train on, as shards, and tokens to score.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <accrete/data/batches.hpp>
#include <accrete/data/token_shard.hpp>
#include <accrete/io/atomic_file.hpp>

#include "cells.hpp"

namespace study {

/// Tokens to score and the number of code points that they spell.
struct ScoredText {
  std::vector<TokenId> tokens{};
  Index code_points = 0;
};

/// What a cell is measured by.
struct Measures {
  std::vector<std::string> languages{};
  std::map<std::string, ScoredText> validation{}, test{};
  std::map<std::string, ScoredText> odd{};  // "mixed", "look-alike"
  std::map<std::string, double> unigram{};  // bits per character on the test text
};

namespace detail {

inline Json to_json(ScoredText const& text) {
  Json tokens = Json::array();
  for (TokenId const token : text.tokens) tokens.push_back(token);
  return Json::object({{"code_points", text.code_points}, {"tokens", std::move(tokens)}});
}
inline ScoredText scored_text_of(Json const& json) {
  ScoredText text{.tokens = {}, .code_points = json.at("code_points").as_int()};
  for (Json const& token : json.at("tokens").as_array())
    text.tokens.push_back(static_cast<TokenId>(token.as_int()));
  return text;
}
inline Json to_json(std::map<std::string, ScoredText> const& texts) {
  Json json = Json::object();
  for (auto const& [name, text] : texts) json[name] = to_json(text);
  return json;
}
inline std::map<std::string, ScoredText> scored_texts_of(Json const& json) {
  std::map<std::string, ScoredText> texts;
  for (auto const& [name, text] : json.as_object()) texts[name] = scored_text_of(text);
  return texts;
}

}  // namespace detail

/// What all cells of a study share: another text, font or scale needs another folder.
[[nodiscard]] inline Json made_of(Settings const& settings) {
  Scale const& scale = settings.scale;
  Json text = Json::array();
  for (demo::OwnText const& own : settings.own_text)
    text.push_back(own.language + "=" + own.path.string());
  Json sizes = Json::array();
  for (Index const size :
       {scale.vocabulary, scale.substrate_width, scale.model_dim, scale.heads, scale.union_dim,
        scale.union_heads, scale.stage_blocks, scale.stage_steps, scale.tuning_steps, scale.batch,
        scale.time, scale.scored_tokens})
    sizes.push_back(size);
  return Json::object({{"text", std::move(text)},
                       {"font", settings.font.string()},
                       {"sizes", std::move(sizes)},
                       {"learning_rate", scale.learning_rate}});
}

[[nodiscard]] inline Measures load_measures(Settings const& settings) {
  auto const path = settings.state("measures.json");
  Json const json = Json::parse(accrete::read_file(path, 1 << 28), path.string());
  Json const* const found = json.find("made_of");
  if (found == nullptr || *found != made_of(settings))
    throw accrete::FileError(
        path.string(),
        accrete::message("its cells are of ", found ? found->dump() : "an unknown text",
                         ", this study is of ", made_of(settings).dump(),
                         "; remove the folder or choose another with --out"));
  Measures measures;
  for (Json const& name : json.at("languages").as_array())
    measures.languages.push_back(name.as_string());
  measures.validation = detail::scored_texts_of(json.at("validation"));
  measures.test = detail::scored_texts_of(json.at("test"));
  measures.odd = detail::scored_texts_of(json.at("odd"));
  for (auto const& [name, bits] : json.at("unigram").as_object())
    measures.unigram[name] = bits.as_double();
  return measures;
}

/// Part of another source.
class SourcePart final : public accrete::TokenSource {
 public:
  SourcePart(std::shared_ptr<accrete::TokenSource const> whole, Index begin, Index end)
      : whole_(std::move(whole)), begin_(begin), end_(end) {}
  [[nodiscard]] Index size() const override { return end_ - begin_; }

 private:
  void read_checked(Index begin, std::span<TokenId> out) const override {
    whole_->read(begin_ + begin, out);
  }

  std::shared_ptr<accrete::TokenSource const> whole_;
  Index begin_, end_;
};

/// What a diet consists of: of the first language each half has one half of the text, the others belong to one half in
/// turn. The union of both halves is everything, once.
[[nodiscard]] inline accrete::Batches batches_of(Settings const& settings, Measures const& measures,
                                                 Diet diet, std::uint64_t seed,
                                                 Index most_tokens = 0) {
  std::vector<std::shared_ptr<accrete::TokenSource const>> sources;
  for (std::size_t i = 0; i < measures.languages.size(); ++i) {
    auto const shard =
        std::make_shared<accrete::TokenShard>(settings.state(measures.languages[i] + ".shard"));
    Index begin = 0, end = shard->size();
    if (i == 0 && diet == Diet::first) end = end / 2;
    if (i == 0 && diet == Diet::second) begin = end / 2;
    if (i > 0 && diet != Diet::all && (i % 2 == 1) != (diet == Diet::first)) continue;
    if (most_tokens > 0) end = std::min(end, begin + most_tokens);
    sources.push_back(std::make_shared<SourcePart>(shard, begin, end));
  }
  return {sources, {.batch = settings.scale.batch, .time = settings.scale.time, .seed = seed}};
}

/// The languages of a diet, by which its forgetting is measured.
[[nodiscard]] inline std::vector<std::string> languages_of(Measures const& measures, Diet diet) {
  std::vector<std::string> languages;
  for (std::size_t i = 0; i < measures.languages.size(); ++i)
    if (i == 0 || diet == Diet::all || (i % 2 == 1) == (diet == Diet::first))
      languages.push_back(measures.languages[i]);
  return languages;
}

}  // namespace study
