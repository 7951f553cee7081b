/// Builds a vocabulary from texts: their code points, their most useful n-grams, and all bytes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/merge_learner.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Documents of one kind, say of one language. Each corpus counts as if all had the same number of
/// code points, times its weight. No token reaches over the end of a document; empty documents make
/// no difference.
struct TextCorpus {
  std::string name;  // for errors
  std::vector<std::string> documents;
  double weight = 1;
};

struct NgramVocabularyOptions {
  Index size = 8192;    // V
  Index max_n = 5;      // code points of the longest token
  Index min_count = 2;  // places in which an n-gram stands at least
  std::vector<std::string> special_tokens = {"<pad>", "<s>", "</s>", "<unk>"};
};

/// A vocabulary of exactly V tokens: the special ones, 256 bytes, code points, n-grams in the order
/// of their merges, and `<unused_N>` (N the id) for what the texts cannot fill.
///
/// Every place goes to what saves most tokens of the texts as they are segmented so far. A merge of
/// two adjacent tokens saves one for each time they stand together; a code point of its own saves,
/// against its UTF-8 bytes, all but one of them each time it stands. ASCII would save none and goes
/// first, so that its characters have glyphs of their own too. (No merge is ever in want of a code
/// point: a pair cannot stand in more places than either of its parts, and other code points have
/// at least two bytes.)
///
/// This is byte pair encoding as it is learned elsewhere, but for the limit `max_n`. Its merges are
/// those that segmented the texts, so that a tokenizer segments in the same way. On the LibreOffice
/// help in English, Russian and Chinese, V = 8192, a token has 3.46, 3.26 and 2.73 code points;
/// with as many of the most frequent n-grams and all their splits as merges, as published, 3.12,
/// 2.68 and 2.15. The result depends on the texts and their order alone.
///
/// FileError(name[i], offset, reason) at invalid UTF-8 in document i; ValueError for options that
/// make no sense, a size too small for all that must be in, and texts without a single character.
[[nodiscard]] Vocabulary build_ngram_vocabulary(std::span<TextCorpus const> corpora,
                                                NgramVocabularyOptions const& options = {});

// -------------------------------------------------------------------------------------------------

namespace detail {

inline std::string name_of_document(TextCorpus const& corpus, std::size_t document) {
  return message(corpus.name, "[", document, "]");
}

inline void check_ngram_options(NgramVocabularyOptions const& options) {
  auto const check = [](std::string_view name, Index value, Index least, Index most) {
    if (value < least || value > most) {
      throw ValueError(
          message("vocabulary: ", name, ": expected ", least, " to ", most, ", got ", value));
    }
  };
  check("size", options.size, 1, Index{1} << 24);
  check("max_n", options.max_n, 1, 1000);
  check("min_count", options.min_count, 1, Index{1} << 31);
}

/// Shares 2^50 among the corpora, by weight, and what each gets among its code points.
inline std::vector<std::int64_t> count_of_a_place(std::span<TextCorpus const> corpora) {
  double total = 0;
  for (TextCorpus const& corpus : corpora) {
    if (!std::isfinite(corpus.weight) || corpus.weight <= 0) {
      throw ValueError(
          message("vocabulary: ", corpus.name, ": expected a weight above 0, got ", corpus.weight));
    }
    total += corpus.weight;
  }
  std::vector<std::int64_t> counts;
  for (TextCorpus const& corpus : corpora) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < corpus.documents.size(); ++i) {
      length += count_code_points(corpus.documents[i], name_of_document(corpus, i));
    }
    double const share =
        0x1p50 * (corpus.weight / total) / static_cast<double>(std::max<std::size_t>(length, 1));
    counts.push_back(std::max(std::int64_t{1}, static_cast<std::int64_t>(share)));
  }
  return counts;
}

/// The chosen tokens, in the learner's ids.
struct ChosenTokens {
  std::vector<TokenId> code_points;  // in their own order
  std::vector<TokenId> ngrams;       // in the order of their first merges
  std::vector<TokenPair> merges;
};

/// The learner's code points with the tokens that each saves, the most useful first.
inline std::vector<std::pair<std::int64_t, TokenId>> code_points_by_savings(
    MergeLearner const& learner) {
  std::vector<std::pair<std::int64_t, TokenId>> savings;
  for (TokenId id = 1; id < learner.size(); ++id) {
    auto const bytes = static_cast<std::int64_t>(utf8_length(learner.spelling(id)[0]));
    bool const is_ascii = bytes == 1;
    savings.emplace_back(
        is_ascii ? std::numeric_limits<std::int64_t>::max() : learner.count(id) * (bytes - 1), id);
  }
  std::sort(savings.begin(), savings.end(), [&](auto const& a, auto const& b) {
    return a.first != b.first ? a.first > b.first
                              : learner.spelling(a.second) < learner.spelling(b.second);
  });
  return savings;
}

/// Fills `places` with whatever saves most tokens next. No n-gram gets a spelling that is kept
/// free.
template <class IsKeptFree>
ChosenTokens choose_tokens(MergeLearner& learner, Index places, IsKeptFree is_kept_free) {
  ChosenTokens chosen;
  auto const code_points = code_points_by_savings(learner);
  auto code_point = code_points.begin();
  while (places > 0) {
    std::optional<MergeLearner::Pair> const pair = learner.most_frequent();
    bool const code_point_left = code_point != code_points.end();
    if (!pair && !code_point_left) break;
    if (code_point_left && (!pair || code_point->first >= pair->count)) {
      chosen.code_points.push_back((code_point++)->second);
      --places;
    } else if (is_kept_free(learner.spelling(pair->left) + learner.spelling(pair->right))) {
      learner.pass_over_most_frequent();
    } else {
      TokenId const known = learner.size();
      TokenId const ngram = learner.merge(*pair);
      chosen.merges.push_back({pair->left, pair->right});
      if (ngram < known) continue;
      chosen.ngrams.push_back(ngram);
      --places;
    }
  }
  std::sort(chosen.code_points.begin(), chosen.code_points.end(),
            [&](TokenId a, TokenId b) { return learner.spelling(a) < learner.spelling(b); });
  return chosen;
}

/// Special tokens, bytes, code points, n-grams, and what is left.
inline Vocabulary assemble(NgramVocabularyOptions const& options, MergeLearner const& learner,
                           ChosenTokens const& chosen) {
  std::vector<Token> tokens;
  for (std::string const& special : options.special_tokens)
    tokens.push_back({special, TokenKind::special});
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  std::vector<TokenId> final_id(static_cast<std::size_t>(learner.size()), -1);
  for (auto const* ids : {&chosen.code_points, &chosen.ngrams}) {
    for (TokenId const id : *ids) {
      final_id[static_cast<std::size_t>(id)] = static_cast<TokenId>(tokens.size());
      tokens.push_back({to_utf8(learner.spelling(id)), TokenKind::text});
    }
  }
  while (std::cmp_less(tokens.size(), options.size)) {
    tokens.push_back({message("<unused_", tokens.size(), ">"), TokenKind::reserved});
  }
  std::vector<TokenPair> merges;
  for (auto const [left, right] : chosen.merges) {
    merges.push_back(
        {final_id[static_cast<std::size_t>(left)], final_id[static_cast<std::size_t>(right)]});
  }
  return Vocabulary(tokens, merges);
}

}  // namespace detail

inline Vocabulary build_ngram_vocabulary(std::span<TextCorpus const> corpora,
                                         NgramVocabularyOptions const& options) {
  detail::check_ngram_options(options);
  detail::MergeLearner learner(static_cast<std::size_t>(options.max_n),
                               static_cast<std::size_t>(options.min_count));
  std::vector<std::int64_t> const counts = detail::count_of_a_place(corpora);
  for (std::size_t c = 0; c < corpora.size(); ++c) {
    for (std::size_t i = 0; i < corpora[c].documents.size(); ++i) {
      learner.add_text(corpora[c].documents[i], detail::name_of_document(corpora[c], i), counts[c]);
    }
  }
  if (learner.size() == 1) throw ValueError("vocabulary: the texts have not a single character");
  learner.count_pairs();

  Index ascii = 0;
  for (TokenId id = 1; id < learner.size(); ++id) ascii += learner.spelling(id)[0] < 0x80 ? 1 : 0;
  Index const places = options.size - static_cast<Index>(options.special_tokens.size()) - 256;
  if (places < ascii) {
    throw ValueError(message("vocabulary: a size of ", options.size, " is too small for ",
                             options.special_tokens.size(), " special tokens, 256 bytes and the ",
                             ascii, " ASCII characters of the texts"));
  }
  auto const is_kept_free = [&](std::u32string const& code_points) {
    std::string const spelling = to_utf8(code_points);
    auto const& special = options.special_tokens;
    return spelling.starts_with("<unused_") ||
           std::find(special.begin(), special.end(), spelling) != special.end();
  };
  return detail::assemble(options, learner, detail::choose_tokens(learner, places, is_kept_free));
}

ACCRETE_END_NAMESPACE
