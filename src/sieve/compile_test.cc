#include <gtest/gtest.h>

#include "sieve/test_script.h"

namespace pabal::sieve {
namespace {

std::string faults(std::string_view script) {
  std::string out;
  for (const Fault& fault : compile(script).faults)
    out += std::to_string(fault.line) + ":" + std::to_string(fault.column) + " " + fault.message + "\n";
  return out;
}

// The place of the first fault, and part of what it says.
struct Broken {
  std::string_view script;
  std::string_view place;
  std::string_view says;
};

class SieveFaults : public testing::TestWithParam<Broken> {};

TEST_P(SieveFaults, NameLineColumnAndWhatToDo) {
  const std::string said = faults(GetParam().script);
  EXPECT_EQ(said.substr(0, said.find(' ')), GetParam().place) << GetParam().script << "\n" << said;
  EXPECT_NE(said.find(GetParam().says), said.npos) << GetParam().script << "\n" << said;
}

INSTANTIATE_TEST_SUITE_P(
    All, SieveFaults,
    testing::Values(
        // syntax
        Broken{"keep", "1:5", "ends with a semicolon"}, Broken{"keep;\nstop\nkeep;", "3:1", "takes no test"},
        Broken{"if true { keep;", "1:9", "close it with }"}, Broken{"keep; }", "1:7", "closes nothing"},
        Broken{"redirect \"a@b.c", "1:10", "close it with \""}, Broken{"/* never", "1:1", "close it with */"},
        Broken{"redirect text:\nabc\n", "1:10", "single dot"}, Broken{"redirect text: abc\n.\n;", "1:10", "new line"},
        Broken{"if header \"a\" [\"b\" \"c\"] {}", "1:20", "a comma or ends with ]"},
        Broken{"if header \"a\" [] {}", "1:16", "a list holds texts"},
        Broken{"if anyof (true, false {}", "1:23", "comma or ends with )"},
        Broken{"keep; ]", "1:7", "a command is expected"},
        Broken{"if size :over 100KB {}", "1:15", "digits and one of K, M, G"},
        Broken{"if size :over 99999999999999999999 {}", "1:15", "too large"},
        Broken{"keep; %", "1:7", "does not belong"}, Broken{"if size : over 1 {}", "1:9", "begins a tag"},
        Broken{"keep;\n\xff", "2:0", "not UTF-8"},
        // columns count characters, not octets
        Broken{"redirect \"j\xC3\xBCrg@example.org\"; kepp;", "1:30", "no command \"kepp\""},
        // commands
        Broken{"foo;", "1:1", "there is no command \"foo\""}, Broken{"header \"a\" \"b\";", "1:1", "is a test"},
        Broken{"if foo {}", "1:4", "there is no test \"foo\""},
        Broken{"require \"ihave\"; if ihave true \"x\" {}", "1:21", "takes no test"},
        Broken{"else {}", "1:1", "behind the block of an if"},
        Broken{"if true {} keep; elsif true {}", "1:18", "behind the block of an if"},
        Broken{"if true; ", "1:1", "followed by a block"}, Broken{"keep {}", "1:1", "takes no block"},
        Broken{"if {}", "1:1", "one test"}, Broken{"if not (true) {}", "1:4", "one test"},
        Broken{"if anyof true {}", "1:4", "tests in ( )"},
        // require
        Broken{"keep; require \"fileinto\";", "1:7", "at the top"},
        Broken{"require [\"fileinto\",\n  \"tornado\"];", "2:3", "no extension \"tornado\""},
        Broken{"require 1;", "1:1", "list of texts"},
        Broken{"fileinto \"a\";", "1:1", "add \"fileinto\" to the require"},
        Broken{"require \"fileinto\"; fileinto :copy \"a\";", "1:30", "add \"copy\""},
        Broken{"if header :regex \"a\" \"b\" {}", "1:11", "add \"regex\""},
        Broken{"if header :comparator \"i;ascii-numeric\" \"a\" \"b\" {}", "1:11",
               "add \"comparator-i;ascii-numeric\""},
        Broken{"require \"include\"; global \"x\";", "1:20", "add \"variables\""},
        // arguments
        Broken{"keep \"a\";", "1:6", "takes no more arguments"}, Broken{"redirect;", "1:1", "wants more arguments"},
        Broken{"redirect 5;", "1:10", "a text in double quotes"}, Broken{"redirect [\"a@b.c\"];", "1:10", "a text"},
        Broken{"if size 5 {}", "1:9", "takes no more"}, Broken{"if size {}", "1:4", "size :over 100K"},
        Broken{"if size :over \"1\" {}", "1:9", "behind :over stands a number"},
        Broken{"if header \"a\" :is \"b\" {}", "1:15", "before the other arguments"},
        Broken{"if header :is :contains \"a\" \"b\" {}", "1:15", "this or a like tag"},
        Broken{"if header :foo \"a\" \"b\" {}", "1:11", "no tag :foo"},
        Broken{"if address \"subject\" \"x\" {}", "1:12", "holds no addresses"},
        Broken{"redirect \"nowhere\";", "1:10", "is no address"},
        Broken{"redirect \"a@b.c, d@e.f\";", "1:10", "is no address"},
        Broken{"require \"fileinto\"; fileinto \"\";", "1:30", "can be no mailbox"},
        Broken{"if header :comparator \"i;klingon\" \"a\" \"b\" {}", "1:11", "no comparator \"i;klingon\""},
        Broken{"require \"comparator-i;ascii-numeric\"; if header :contains :comparator \"i;ascii-numeric\" \"a\" "
               "\"b\" {}",
               "1:49", "compares whole numbers"},
        Broken{"require \"relational\"; if header :count \"more\" \"a\" \"1\" {}", "1:33", "\"gt\", \"ge\""},
        Broken{"require \"regex\"; if header :regex \"a\" \"(\" {}", "1:39", "regular expression"},
        Broken{"require \"envelope\"; if envelope \"helo\" \"a\" {}", "1:33", "envelope has no \"helo\""},
        Broken{"require \"envelope\"; if envelope \"notify\" \"a\" {}", "1:33", "add \"envelope-dsn\""},
        Broken{"require \"date\"; if currentdate \"moment\" \"1\" {}", "1:32", "no part \"moment\""},
        Broken{"require \"date\"; if currentdate :zone \"CET\" \"hour\" \"1\" {}", "1:32", "like \"+0100\""},
        Broken{"require \"index\"; if header :last \"a\" \"b\" {}", "1:28", "add :index"},
        Broken{"require \"index\"; if header :index 0 \"a\" \"b\" {}", "1:28", "has the index 1"},
        Broken{"require \"mime\"; if header :anychild \"a\" \"b\" {}", "1:27", "goes with :mime"},
        Broken{"require [\"vacation\", \"mailbox\"]; vacation :create \"x\";", "1:43", "add :fcc"},
        Broken{"require \"vacation\"; vacation :days 1 :days 2 \"x\";", "1:38", "like tag"},
        Broken{"require \"vacation\"; vacation :from \"me\" \"x\";", "1:30", "is no address"},
        Broken{"require \"variables\"; set \"a b\" \"x\";", "1:26", "can be no variable"},
        Broken{"require \"variables\"; set \"1\" \"x\";", "1:26", "can be no variable"},
        Broken{"require \"variables\"; set \"${a}\" \"x\";", "1:26", "no variable can stand here"},
        Broken{"require \"variables\"; set \"a\" \"${env.x}\";", "1:30", "no variables in \"env.\""},
        Broken{"require \"variables\"; set :lower :upper \"a\" \"x\";", "1:33", "like tag"},
        Broken{"require \"imap4flags\"; setflag \"x\" \"\\\\Seen\";", "1:31", "add \"variables\""},
        Broken{"require \"editheader\"; addheader \"A B\" \"x\";", "1:33", "can be no header field"},
        Broken{"require \"enotify\"; notify \"xmpp:a@b\";", "1:27", "no way to notify"},
        Broken{"require \"enotify\"; notify :importance \"9\" \"mailto:a@b.c\";", "1:27", "1\" (high)"},
        Broken{"require \"foreverypart\"; break;", "1:25", "block of a foreverypart"},
        Broken{"require \"redirect-dsn\"; redirect :notify \"NEVER,DELAY\" \"a@b.c\";", "1:34",
               "SUCCESS,FAILURE,DELAY"},
        Broken{"require \"encoded-character\"; redirect \"${unicode:D800}@b.c\";", "1:39", "is no character"}));

TEST(SieveCompile, SaysSeveralFaultsInOrder) {
  EXPECT_EQ(faults("foo;\nbar;\nredirect \"x\";"),
            "1:1 there is no command \"foo\"; is it spelled right?\n"
            "2:1 there is no command \"bar\"; is it spelled right?\n"
            "3:10 \"x\" is no address; write one like bob@example.org\n");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "foo;";
  EXPECT_EQ(compile(many).faults.size(), kMaxFaults);
}

TEST(SieveCompile, TakesWhatScriptsHoldInPractice) {
  for (const std::string_view script :
       {"", "\xEF\xBB\xBFkeep;", "# only a comment", "/* a */ keep /* b */ ; # c", "KEEP;\r\nSTOP;\r\n",
        "if true {} else {}", "require \"fileinto\";require [\"copy\"]; fileinto :COPY \"x\";",
        "redirect text: # note\r\na@b.c\r\n.\r\n;",
        "if header [\"a\"] [\"b\", \"c\"] { keep; } elsif false { stop; } else { discard; }",
        "if allof (true, not false, anyof (true)) { keep; }", "redirect \"Bob <bob@example.org>\";",
        "require [\"comparator-i;octet\", \"comparator-i;ascii-casemap\"];"})
    EXPECT_EQ(faults(script), "") << script;
}

TEST(SieveCompile, WarnsOfWhatHasNoEffect) {
  const Compiled compiled = compile("require \"imap4flags\"; if header \"Subject:\" \"x\" { setflag \"\\\\Recent\"; }");
  ASSERT_TRUE(compiled.ok());
  ASSERT_EQ(compiled.warnings.size(), 2u);
  EXPECT_NE(compiled.warnings[0].message.find("can be no header field"), std::string::npos);
  EXPECT_NE(compiled.warnings[1].message.find("is no flag"), std::string::npos);
}

TEST(SieveCompile, BoundsScripts) {
  EXPECT_NE(faults(std::string(kMaxScriptBytes + 1, ' ')).find("too large"), std::string::npos);
  std::string deep, not_so_deep;
  for (size_t i = 0; i < kMaxNesting + 1; ++i) deep += "if true {";
  EXPECT_NE(faults(deep).find("nested too deep"), std::string::npos);
  for (size_t i = 0; i < 15; ++i) not_so_deep += "if true {";
  EXPECT_EQ(faults(not_so_deep + std::string(15, '}')), "");  // RFC 5228 §2.10.5
  std::string nots = "if ";
  for (int i = 0; i < 100'000; ++i) nots += "not ";
  EXPECT_NE(faults(nots + "true {}").find("nested too deep"), std::string::npos);
  EXPECT_NE(faults("if header " + std::string(100'000, '[')).find("a list holds texts"), std::string::npos);
  EXPECT_NE(faults("redirect \"" + std::string(kMaxStringBytes + 1, 'a') + "\";").find("too long"), std::string::npos);
  std::string tests = "if anyof (false";
  for (size_t i = 0; i < kMaxNodes; ++i) tests += ",false";
  EXPECT_NE(faults(tests + ") {}").find("too many commands and tests"), std::string::npos);
}

TEST(SieveCompile, TenThousandTestsCompileAndRun) {
  std::string script = "if anyof (false";
  for (int i = 0; i < 10'000; ++i) script += ",\n header :is \"Subject\" \"" + std::to_string(i) + "\"";
  EXPECT_EQ(did(script + ") { discard; }"), "implicit keep");
}

TEST(SieveProgram, RefusesOctetsThatAreNoProgram) {
  const Compiled compiled = compile("require \"fileinto\"; if header \"a\" [\"b\", \"c\"] { fileinto \"x\"; }");
  ASSERT_TRUE(compiled.ok());
  const std::string octets = encode(*compiled.program);
  EXPECT_TRUE(decode(octets));
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode(octets + "x"));
  EXPECT_FALSE(decode("\xff" + octets.substr(1)));
  for (size_t size = 0; size < octets.size(); ++size) EXPECT_FALSE(decode(octets.substr(0, size))) << size;
  EXPECT_EQ(encode(*decode(octets)), octets);
}

TEST(SieveProgram, IsSmall) {
  const std::string_view script =
      "require [\"fileinto\"];\n# lists\nif header :contains [\"List-Id\", \"X-List\"] \"sieve\" {\n  fileinto "
      "\"Lists/sieve\";\n}\n";
  EXPECT_LT(encode(*compile(script).program).size(), script.size());
}

TEST(SieveExtensions, AreNamedOnceInOrder) {
  const auto& all = extensions();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  for (const std::string_view name : all) EXPECT_EQ(faults("require \"" + std::string(name) + "\";"), "") << name;
}

}  // namespace
}  // namespace pabal::sieve
