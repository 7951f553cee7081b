/// The text of a study: tokens to train on, as shards, and tokens to score, prepared once for all cells.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <accrete/glyphs.hpp>

#include "../demo/debian_text.hpp"
#include "../demo/tokens.hpp"
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

/// Lines of several texts in turn, as if one document were written in all languages.
inline std::string mixed_lines(std::vector<std::string> const& texts, std::size_t most_bytes) {
  std::vector<std::size_t> places(texts.size(), 0);
  std::string mixed;
  for (bool more = true; more && mixed.size() < most_bytes;) {
    more = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (places[i] >= texts[i].size()) continue;
      std::size_t const end = std::min(texts[i].find('\n', places[i]), texts[i].size() - 1) + 1;
      mixed += texts[i].substr(places[i], end - places[i]);
      places[i] = end;
      more = true;
    }
  }
  return mixed;
}

/// Cyrillic letters that have a Latin look-alike become that letter: the picture stays, the code point does not.
inline std::string with_look_alikes(std::string const& text) {
  static std::u32string const cyrillic = U"аеорсухАВЕКМНОРСТХ", latin = U"aeopcyxABEKMHOPCTX";
  std::u32string points = accrete::to_code_points(text, "test text");
  for (char32_t& point : points)
    if (auto const at = cyrillic.find(point); at != std::u32string::npos) point = latin[at];
  return accrete::to_utf8(points);
}

inline std::string joined(std::vector<std::string> const& documents, std::size_t most_bytes) {
  std::string text;
  for (auto const& document : documents) {
    text += document;
    if (!text.ends_with('\n')) text += '\n';
    if (text.size() > most_bytes) break;
  }
  return text;
}

}  // namespace detail

[[nodiscard]] inline demo::Corpus load_corpus(Settings const& settings) {
  return settings.own_text.empty() ? demo::load_debian_text(settings.text_folder)
                                   : demo::load_own_text(settings.own_text);
}

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

[[nodiscard]] inline Measures load_measures(Settings const& settings);

/// Learns the vocabulary, draws the substrate, encodes all text: what every cell starts from.
inline void prepare_text(Settings const& settings) {
  auto const folder = settings.state_folder();
  if (std::filesystem::exists(folder / "measures.json"))
    return static_cast<void>(load_measures(settings));
  std::filesystem::create_directories(folder);
  std::printf("reading the text, learning %ld tokens, drawing their glyphs\n",
              settings.scale.vocabulary);
  auto const corpus = load_corpus(settings);
  std::vector<accrete::TextCorpus> texts;
  for (auto const& text : corpus.languages)
    texts.push_back({.name = text.language, .documents = text.in(demo::Split::train)});
  auto const vocabulary =
      accrete::build_ngram_vocabulary(texts, {.size = settings.scale.vocabulary});
  accrete::build_glyph_substrate(vocabulary, accrete::FreeTypeRasterizer(settings.font),
                                 accrete::CleanRecipe{}, settings.scale.substrate_width,
                                 {.threads = settings.threads})
      .save(folder / "substrate.safetensors");

  auto const languages = demo::encode_corpus(corpus, vocabulary, settings.scale.scored_tokens);
  std::vector<double> counts(static_cast<std::size_t>(vocabulary.size()), 1.0);
  for (auto const& language : languages) {
    accrete::TokenShardWriter shard(folder / (language.language + ".shard"), vocabulary.size());
    shard.append(language.train_tokens);
    shard.commit();
    for (TokenId const token : language.train_tokens) counts[static_cast<std::size_t>(token)] += 1;
  }
  double total = 0;
  for (double const count : counts) total += count;

  Json names = Json::array(), unigram = Json::object(), sources = Json::array();
  std::map<std::string, ScoredText> validation, test, odd;
  std::vector<std::string> test_texts;
  auto const most_bytes = static_cast<std::size_t>(8 * settings.scale.scored_tokens);
  for (auto const& language : languages) {
    names.push_back(language.language);
    validation[language.language] = {language.validation.tokens, language.validation.code_points};
    test[language.language] = {language.test.tokens, language.test.code_points};
    double bits = 0;
    for (TokenId const token : language.test.tokens)
      bits -= std::log2(counts[static_cast<std::size_t>(token)] / total);
    unigram[language.language] = bits / static_cast<double>(language.test.code_points);
    test_texts.push_back(
        detail::joined(corpus.at(language.language).in(demo::Split::test), most_bytes));
  }
  accrete::BpeTokenizer const tokenizer(vocabulary);
  auto const scored = [&](std::string const& text) {
    auto const tokens = demo::detail::scored_text(tokenizer, {text}, settings.scale.scored_tokens);
    return ScoredText{tokens.tokens, tokens.code_points};
  };
  odd["mixed"] = scored(detail::mixed_lines(test_texts, most_bytes));
  for (auto const& text : test_texts)
    if (std::string const swapped = detail::with_look_alikes(text); swapped != text)
      odd["look-alike"] = scored(swapped);
  for (auto const& source : corpus.sources) sources.push_back(source);
  accrete::write_file_atomically(folder / "measures.json",
                                 Json::object({{"made_of", made_of(settings)},
                                               {"languages", names},
                                               {"sources", sources},
                                               {"unigram", unigram},
                                               {"validation", detail::to_json(validation)},
                                               {"test", detail::to_json(test)},
                                               {"odd", detail::to_json(odd)}})
                                     .dump());
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
