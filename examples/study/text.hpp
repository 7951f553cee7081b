/// The text of a study, prepared once for all cells.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <accrete/glyphs.hpp>

#include "../demo/debian_text.hpp"
#include "../demo/tokens.hpp"
#include "measures.hpp"

namespace study {

namespace detail {

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

}  // namespace study
