// The validation tests of ValiMail's ARC suite. It was made for drafts of RFC 8617; where the RFC says otherwise, the
// RFC is followed, and the test is in the table below.
#include <yaml-cpp/yaml.h>

#include "trust/test_signatures.h"

namespace pabal::trust {
namespace {

using namespace test_signatures;

const std::map<std::string, std::string> kByTheRfc = {
    // The suite leaves these open ("cv" is empty); RFC 8617 §5.2 steps 2 and 3C: fail.
    {"cv_fail_i1_as_cv_fail", "fail"},
    {"cv_fail_i2_as2_fail", "fail"},
    {"cv_fail_i2_as1_fail", "fail"},
    // RFC 8617 §4.1.2: h= is that of RFC 6376, whose §3.5 wants names, none of them empty, and §5.4 From among them.
    {"ams_fields_h_empty", "fail"},
    {"ams_fields_h_mis_hdr", "fail"},
    // Signed in the relaxed form without saying so; the default of c= is simple (RFC 6376 §3.5).
    {"ams_fields_c_na", "fail"},
};

TEST(ArcCorpus, Validation) {
  const auto path = shared("arc/arc_test_suite/arc-draft-validation-tests.yml");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no ARC suite in the shared data";
  int seen = 0;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(path)) {
    Keys keys;
    for (const auto& record : scenario["txt-records"])
      keys.add(record.first.as<std::string>(), record.second.as<std::string>());
    for (const auto& test : scenario["tests"]) {
      const auto name = test.first.as<std::string>();
      const auto expected = test.second["cv"].as<std::string>("");
      const Signatures found = verify(crlf(test.second["message"].as<std::string>()), keys);
      const auto ruled = kByTheRfc.find(name);
      EXPECT_EQ(outcome_name(found.arc.result), ruled != kByTheRfc.end() ? ruled->second : text::lowered(expected))
          << name << ": " << told(found.arc);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 175);  // 171 names: four stand there twice
}

}  // namespace
}  // namespace pabal::trust
