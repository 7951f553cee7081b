/// accrete-tokenize train.
#pragma once

#include <accrete/accrete.hpp>
#include <accrete/report/progress.hpp>
#include <accrete/text/counted_vocabulary.hpp>
#include <accrete/text/vocabulary_json.hpp>
#include <cstdio>
#include <memory>

#include "settings.hpp"

/// Builds a vocabulary and writes it as JSON. Each file counts as much as every other: languages come in one file each.
inline void train(Settings const& settings) {
  std::vector<accrete::TextFiles> texts;
  for (std::string const& file : settings.files) texts.push_back({.files = {file}});
  std::unique_ptr<accrete::Progress> progress;
  accrete::CountedVocabularyOptions options{.size = settings.size,
                                            .max_n = settings.max_n,
                                            .min_count = settings.min_count,
                                            .memory = settings.memory,
                                            .scratch = settings.scratch,
                                            .threads = settings.threads};
  options.on_progress = [&](std::uint64_t done, std::uint64_t total) {
    if (settings.quiet) return;
    if (!progress) {
      progress = std::make_unique<accrete::Progress>(accrete::ProgressOptions{
          .label = "count", .unit = "bytes", .total = static_cast<accrete::Index>(total)});
    }
    progress->update(static_cast<accrete::Index>(done));
  };
  accrete::Vocabulary const vocabulary = accrete::build_counted_vocabulary(texts, options);
  accrete::write_file_atomically(settings.output, accrete::to_json(vocabulary).dump() + "\n");
  if (progress) progress->finish();
  if (settings.json) {
    std::printf("%s\n", accrete::Json::object({{"file", settings.output.string()},
                                               {"tokens", vocabulary.size()},
                                               {"merges", vocabulary.merges().size()}})
                            .dump()
                            .c_str());
  }
}
