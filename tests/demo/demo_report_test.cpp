#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

#include "../../examples/demo/demo_report.hpp"
#include "../report/well_formed.hpp"
#include "made_up_result.hpp"
#include "support/scratch_folder.hpp"

using accrete::Json;
using accrete_test::occurrences;
using accrete_test::xml_fault;
using demo_test::made_up_result;

BOOST_AUTO_TEST_SUITE(demo_report)

namespace {

void check_keys(Json const& object, std::vector<std::string> const& expected) {
  std::vector<std::string> keys;
  for (auto const& [key, value] : object.as_object()) keys.push_back(key);
  BOOST_CHECK_EQUAL_COLLECTIONS(keys.begin(), keys.end(), expected.begin(), expected.end());
}

}  // namespace

BOOST_AUTO_TEST_CASE(json_has_exactly_the_promised_keys) {
  Json const report = demo::report_json(made_up_result());
  check_keys(report, {"machine", "engine", "substrate", "models", "growth", "claims", "seconds"});
  check_keys(report.at("substrate"), {"vocabulary", "fingerprint"});
  for (Json const& model : report.at("models").as_array()) {
    check_keys(model, {"name", "parameters", "trainable", "test_bits_per_character"});
    check_keys(model.at("test_bits_per_character"), {"en", "ru", "zh"});
  }
  for (Json const& stage : report.at("growth").as_array())
    check_keys(stage, {"model", "depth", "validation_loss"});
  for (Json const& claim : report.at("claims").as_array())
    check_keys(claim, {"claim", "holds", "numbers"});
}

BOOST_AUTO_TEST_CASE(json_holds_the_numbers) {
  Json const report = Json::parse(demo::report_json(made_up_result()).dump(2), "report.json");
  BOOST_TEST(report.at("substrate").at("vocabulary").as_int() == 8192);
  BOOST_TEST(report.at("models").at(2).at("name").as_string() == "merged");
  BOOST_TEST(report.at("models").at(2).at("test_bits_per_character").at("zh").as_double() == 5.66);
  BOOST_TEST(report.at("models").at(5).at("test_bits_per_character").at("zh").is_null());
  BOOST_TEST(report.at("growth").size() == 6U);
  BOOST_TEST(!report.at("claims").at(3).at("holds").as_bool());
  BOOST_TEST(report.at("claims").at(3).at("numbers").at("union").as_double() == 3.18);
  BOOST_TEST(report.at("seconds").as_double() == 1234.5);
}

BOOST_AUTO_TEST_CASE(the_page_is_well_formed_and_complete) {
  std::string const page = demo::report_page(made_up_result()).text();
  BOOST_TEST(xml_fault(page, {"meta"}) == "");
  BOOST_TEST(occurrences(page, "<svg xmlns") == 4);
  for (std::string const words :
       {"all &lt;languages&gt; &amp; text", "best expert per language", "要插入表格",
        "lang=\"zh-Hans\"", "debian-handbook 11.20220922", "20 min 35 s", "aria-label=\"fails\""}) {
    BOOST_TEST(occurrences(page, words) >= 1, words);
  }
}

BOOST_AUTO_TEST_CASE(growth_is_marked_once_when_experts_grow_alike) {
  demo::DemoResult result = made_up_result();
  BOOST_TEST(demo::loss_picture(result).marks.size() == 3U);
  BOOST_TEST(demo::loss_picture(result).marks[1].label == "4 blocks");
  result.curves[1].growth[1].step = 500;
  BOOST_TEST(demo::loss_picture(result).marks.size() == 6U);
  BOOST_TEST(demo::loss_picture(result).marks[2].label == "en-ru: 4 blocks");
}

BOOST_AUTO_TEST_CASE(the_best_expert_is_chosen_per_language) {
  demo::ModelFacts const best = demo::detail::best_expert(made_up_result());
  BOOST_TEST(best.test_bits_per_character == (std::vector<double>{2.31, 2.58, 5.31}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_model_keeps_its_colour) {
  demo::DemoResult const result = made_up_result();
  BOOST_TEST((demo::model_color(result, "en-zh") == accrete::plot::Role::orange));
  BOOST_TEST((demo::model_color(result, "union") == accrete::plot::Role::grey));
  BOOST_TEST((demo::bits_picture(result).series[1].color == accrete::plot::Role::orange));
}

BOOST_AUTO_TEST_CASE(all_files_are_written) {
  accrete_test::ScratchFolder const folder;
  demo::write_demo_report(made_up_result(), folder.path() / "out/demo");
  std::set<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(folder.path() / "out/demo")) {
    names.insert(entry.path().filename().string());
  }
  BOOST_TEST((names == std::set<std::string>{"report.html", "report.json", "bits.svg", "loss.svg",
                                             "glyphs.svg", "embedding.svg"}));
}

BOOST_AUTO_TEST_CASE(an_empty_result_still_makes_a_page) {
  BOOST_TEST(xml_fault(demo::report_page({}).text(), {"meta"}) == "");
  BOOST_TEST(demo::report_json({}).at("models").size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
