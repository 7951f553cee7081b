/// A result of the demo that nobody measured: numbers made up to exercise the report.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "../../examples/demo/demo_result.hpp"

namespace demo_test {

using accrete::Index;

/// Steps down to `floor`, up a little at each growth, with noise that is the same on every machine.
inline demo::LossCurve made_up_curve(std::string model, double floor,
                                     std::vector<Index> growth_steps, Index steps) {
  demo::LossCurve curve{.model = std::move(model)};
  unsigned noise = 1;
  for (Index step = 0; step <= steps; ++step) {
    auto const t = static_cast<double>(step);
    double loss = floor + 5.2 * std::exp(-t / 80) + 0.7 * std::exp(-t / 600);
    for (Index const grown : growth_steps) {
      if (grown > 0 && step >= grown)
        loss += 0.45 * std::exp(-static_cast<double>(step - grown) / 25) - 0.04;
    }
    noise = noise * 1664525U + 1013904223U;
    curve.train_steps.push_back(t);
    curve.train_losses.push_back(loss + 0.25 * (static_cast<double>(noise >> 8) / (1 << 24) - 0.5));
    if (step >= 20 && step % 20 == 0) {
      curve.validation_steps.push_back(t);
      curve.validation_losses.push_back(loss + 0.05);
    }
  }
  for (std::size_t i = 0; i < growth_steps.size(); ++i) {
    curve.growth.push_back({growth_steps[i], static_cast<Index>(2 * (i + 1))});
  }
  return curve;
}

inline accrete::plot::BitImage made_up_glyph(std::string label, unsigned seed) {
  accrete::plot::BitImage image{.width = 32, .height = 32, .label = std::move(label)};
  for (unsigned y = 0; y < 32; ++y) {
    for (unsigned x = 0; x < 32; ++x) {
      bool const inside = x > 4 && x < 27 && y > 3 && y < 28;
      bool const stroke = (x * (seed % 5) + y * (seed % 7) + seed) % 11 < 3;
      image.bits.push_back(inside && stroke);
    }
  }
  return image;
}

inline demo::DemoResult made_up_result() {
  double const missing = std::numeric_limits<double>::quiet_NaN();
  demo::DemoResult result{
      .machine = "a made-up machine, 2 threads",
      .engine = "eigen, avx2_fma",
      .substrate = {.vocabulary = 8192, .fingerprint = std::string(64, 'a')},
      .languages = {"en", "ru", "zh"},
      .models = {{"en-ru", true, 6'301'952, 3'149'824, {2.31, 2.58, 8.04}},
                 {"en-zh", true, 6'301'952, 3'149'824, {2.36, 6.87, 5.31}},
                 {"merged", false, 12'603'904, 0, {2.19, 3.02, 5.66}},
                 {"merged+head", false, 12'603'904, 4'210'688, {2.12, 2.66, 5.35}},
                 {"union", false, 12'590'080, 12'590'080, {2.08, 2.44, 5.02}},
                 {"unigram", false, 8192, 8192, {4.12, 4.41, missing}}},
      .growth = {},
      .claims = {{"The merge is better, in the mean over the languages, than either expert.",
                  true,
                  {{"merged", 3.623}, {"en-ru", 4.31}, {"en-zh", 4.847}}},
                 {"Each stage of growth ends below the one before.",
                  true,
                  {{"en-ru, 2 blocks", 3.41}}},
                 {"A short tuning of the heads improves the merge.", true, {{"merged", 3.623}}},
                 {"The merge costs nothing against one model trained on all <languages> & text.",
                  false,
                  {{"merged", 3.623}, {"union", 3.18}}}},
      .seconds = 1234.5,
      .curves = {made_up_curve("en-ru", 2.9, {0, 400, 800}, 1200),
                 made_up_curve("en-zh", 3.3, {0, 400, 800}, 1200),
                 made_up_curve("union", 3.05, {}, 1200)}};
  for (std::string_view const model : {"en-ru", "en-zh"}) {
    for (Index depth = 2; depth <= 6; depth += 2) {
      result.growth.push_back({std::string(model), depth, 3.6 - 0.1 * static_cast<double>(depth)});
    }
  }
  result.samples = {
      {"merged", "en", "To insert a table,",
       " choose Insert - Table and enter the <number> of rows & columns."},
      {"merged", "ru", "Чтобы вставить таблицу,", " выберите команду Вставка - Таблица."},
      {"merged+head", "zh", "要插入表格，", "请选择「插入」-「表格」。"}};
  std::vector<std::vector<std::string>> const tokens{
      {"A", "b", "g", "the", "&", "<"}, {"Ж", "я", "вы", "сто"}, {"中", "文", "表", "文件"}};
  unsigned seed = 3;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    accrete::plot::BitImageRow row{std::string(demo::name_of(static_cast<demo::Script>(i))), {}};
    for (std::string const& token : tokens[i]) row.images.push_back(made_up_glyph(token, seed++));
    result.glyphs.push_back(std::move(row));
    for (int k = 0; k < 600; ++k) {
      double const angle = 2.4 * k, radius = 0.25 * std::sqrt(k / 600.0);
      result.table.push_back({tokens[i][static_cast<std::size_t>(k) % tokens[i].size()],
                              static_cast<demo::Script>(i),
                              0.4 * static_cast<double>(i) - 0.5 + radius * std::cos(angle),
                              (i == 1 ? 0.3 : 0.0) + radius * std::sin(angle)});
    }
    result.text.push_back(
        {result.languages[i], {.pages = 2771, .documents = 2283, .paragraphs = 25202}});
    result.text.back().account.kept = {2'190'735, 126'473, 113'015};
    result.text.back().account.dropped = {0, 503'052, 19'416, 0, 639'936, 3'047'781};
  }
  result.table.push_back({"\xFF", demo::Script::other, 0.9, -0.2});  // a byte token
  result.sources = {"debian-handbook 11.20220922", "libreoffice-help-ru 4:7.4.7"};
  return result;
}

}  // namespace demo_test
