/// accrete-tokenize shard.
#pragma once

#include <accrete/accrete.hpp>
#include <accrete/report/progress.hpp>
#include <accrete/text/vocabulary_fingerprint.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "load_tokenizer.hpp"
#include "settings.hpp"

/// Writes the tokens of text files, one document each between <s> and </s> where the vocabulary has these marks, as a
/// token shard. An empty file gives no tokens.
inline void write_shard(Settings const& settings) {
  accrete::Tokenizer const tokenizer = load_tokenizer(settings.vocabulary, settings.ngrams);
  accrete::Vocabulary const& vocabulary = tokenizer.vocabulary();
  accrete::TokenShardWriter shard(settings.output, vocabulary.size(),
                                  accrete::vocabulary_fingerprint(vocabulary));
  auto const mark = [&](char const* spelling) {
    if (auto const id = vocabulary.find(spelling)) shard.append({{*id}});
  };
  accrete::Progress progress({.label = "shard",
                              .unit = "files",
                              .total = static_cast<accrete::Index>(settings.files.size())});
  accrete::Index done = 0;
  for (std::string const& file : settings.files) {
    std::string const text = accrete::read_file(file, std::uint64_t{1} << 40);
    if (!text.empty()) {
      mark("<s>");
      shard.append(tokenizer.encode(text, accrete::SpecialTokens::as_text, file));
      mark("</s>");
    }
    if (!settings.quiet) progress.update(++done);
  }
  accrete::Index const tokens = shard.size();
  shard.commit();
  if (settings.json)
    std::printf("%s\n",
                accrete::Json::object({{"file", settings.output.string()}, {"tokens", tokens}})
                    .dump()
                    .c_str());
}
