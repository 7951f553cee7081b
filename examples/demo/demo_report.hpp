/// Writes what the demo found: report.html for people, report.json for programs, and the pictures by themselves.
#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>

#include <accrete/io/atomic_file.hpp>
#include <accrete/io/json.hpp>

#include "demo_page.hpp"
#include "demo_pictures.hpp"
#include "demo_result.hpp"

namespace demo {

/// machine, engine, substrate, models, growth, claims, seconds. What was not measured is null.
[[nodiscard]] accrete::Json report_json(DemoResult const& result);

/// report.html, report.json, bits.svg, loss.svg, glyphs.svg and embedding.svg in `folder`, each whole or not at all.
inline void write_demo_report(DemoResult const& result, std::filesystem::path const& folder) {
  std::filesystem::create_directories(folder);
  accrete::write_file_atomically(folder / "bits.svg", plot::to_svg(bits_picture(result)));
  accrete::write_file_atomically(folder / "loss.svg", plot::to_svg(loss_picture(result)));
  accrete::write_file_atomically(folder / "glyphs.svg", plot::to_svg(glyph_picture(result)));
  accrete::write_file_atomically(folder / "embedding.svg", plot::to_svg(table_picture(result)));
  accrete::write_file_atomically(folder / "report.json", report_json(result).dump(2) + '\n');
  report_page(result).save(folder / "report.html");
}

namespace detail {

[[nodiscard]] inline accrete::Json number_or_null(double value) {
  return std::isfinite(value) ? accrete::Json(value) : accrete::Json(nullptr);
}

[[nodiscard]] inline accrete::Json bits_json(DemoResult const& result, ModelFacts const& model) {
  accrete::Json bits = accrete::Json::object();
  for (std::size_t i = 0; i < result.languages.size(); ++i) {
    bits[result.languages[i]] = number_or_null(model.test_bits_per_character.at(i));
  }
  return bits;
}

}  // namespace detail

inline accrete::Json report_json(DemoResult const& result) {
  using accrete::Json;
  Json models = Json::array(), growth = Json::array(), claims = Json::array();
  for (ModelFacts const& model : result.models) {
    models.push_back(Json::object({{"name", model.name},
                                   {"parameters", model.parameters},
                                   {"trainable", model.trainable},
                                   {"test_bits_per_character", detail::bits_json(result, model)}}));
  }
  for (GrowthStage const& stage : result.growth) {
    growth.push_back(
        Json::object({{"model", stage.model},
                      {"depth", stage.depth},
                      {"validation_loss", detail::number_or_null(stage.validation_loss)}}));
  }
  for (Claim const& claim : result.claims) {
    Json numbers = Json::object();
    for (auto const& [name, value] : claim.numbers) numbers[name] = detail::number_or_null(value);
    claims.push_back(
        Json::object({{"claim", claim.claim}, {"holds", claim.holds}, {"numbers", numbers}}));
  }
  Json const substrate = Json::object(
      {{"vocabulary", result.substrate.vocabulary}, {"fingerprint", result.substrate.fingerprint}});
  return Json::object({{"machine", result.machine},
                       {"engine", result.engine},
                       {"substrate", substrate},
                       {"models", models},
                       {"growth", growth},
                       {"claims", claims},
                       {"seconds", result.seconds}});
}

}  // namespace demo
