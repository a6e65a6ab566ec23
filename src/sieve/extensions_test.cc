#include <gtest/gtest.h>

#include "sieve/test_script.h"

namespace pabal::sieve {
namespace {

// The value of an expression of variables, as the name of a mailbox.
std::string value(std::string_view script, std::string_view expression, std::string_view letter = kLetter) {
  const std::string done =
      did("require [\"variables\", \"fileinto\", \"regex\", \"enotify\", \"encoded-character\"];\n" +
              std::string(script) + "fileinto \"<" + std::string(expression) + ">\";",
          letter);
  return done.starts_with("fileinto <") ? done.substr(10, done.size() - 11) : done;
}

TEST(SieveVariables, ExpandReferences) {  // RFC 5229 §3
  EXPECT_EQ(value("set \"company\" \"ACME\";", "${company} ${Company} ${none}!"), "ACME ACME !");
  EXPECT_EQ(value("set \"company\" \"ACME\";", "${&%${}!"), "${&%${}!");
  EXPECT_EQ(value("set \"company\" \"ACME\";", "${doh!"), "${doh!");
  EXPECT_EQ(value("set \"company\" \"ACME\";", "${${company}"), "${ACME");
  EXPECT_EQ(value("set \"a\" \"${b}\"; set \"b\" \"x\";", "${a}"), "");
  EXPECT_EQ(value("set \"b\" \"x\"; set \"a\" \"$\"; set \"c\" \"${a}{b}\";", "${c}"), "${b}");
  EXPECT_EQ(value("set \"name\" \"Ethelbert\";", "dear${hex:20 24 7b 4e}ame}"), "dear Ethelbert");
}

TEST(SieveVariables, HoldWhatMatched) {
  EXPECT_EQ(value("if header :matches \"subject\" \"i have * for *\" {}", "${1},${2},${3},${0}"),
            "a present,you,,I have a present for you");
  EXPECT_EQ(value("if address :matches \"to\" \"roadrunner@**.com\" {}", "${1}|${02}"), "|acme.example");
  EXPECT_EQ(value("if header :matches \"subject\" \"*\" {} if header :matches \"subject\" \"nothing*\" {}", "${1}"),
            "I have a present for you");
  EXPECT_EQ(value("if anyof (true, header :matches \"subject\" \"*\") {}", "${1}"), "");
  EXPECT_EQ(value("if header :matches \"subject\" \"I ? *\" {}", "${1}"), "");
  EXPECT_EQ(value("if header :regex \"subject\" \"(pre)(s|z)ent\" {}", "${0},${1},${2}"), "present,pre,s");
  EXPECT_EQ(value("if header :matches \"subject\" \"*e*e*\" {}", "${1}|${2}|${3}"), "I hav| a pr|sent for you");
}

TEST(SieveVariables, HaveModifiers) {  // RFC 5229 §4.1
  EXPECT_EQ(value("set :length \"b\" \"juMBlEd lETteRS\";", "${b}"), "15");
  EXPECT_EQ(value("set :lower \"b\" \"juMBlEd lETteRS\";", "${b}"), "jumbled letters");
  EXPECT_EQ(value("set :upperfirst \"b\" \"juMBlEd lETteRS\";", "${b}"), "JuMBlEd lETteRS");
  EXPECT_EQ(value("set :upperfirst :lower \"b\" \"juMBlEd lETteRS\";", "${b}"), "Jumbled letters");
  EXPECT_EQ(value("set :quotewildcard \"b\" \"Rock*\";", "${b}"), "Rock\\*");
  EXPECT_EQ(value("set :quoteregex \"b\" \"a.b\";", "${b}"), "a\\.b");
  EXPECT_EQ(value("set :encodeurl \"b\" \"a b&c\";", "${b}"), "a%20b%26c");
  EXPECT_EQ(value("set :length \"b\" \"\xC3\xA4\xC3\xB6\";", "${b}"), "2");
  EXPECT_EQ(value("set :upper \"b\" \"\xC3\xA4\";", "${b}"), "\xC3\x84");
}

TEST(SieveVariables, AreBounded) {
  std::string grow = "set \"a\" \"0123456789abcdef\";";
  for (int i = 0; i < 40; ++i) grow += "set \"a\" \"${a}${a}\";";
  EXPECT_EQ(value(grow + "set :length \"n\" \"${a}\";", "${n}"), "16384");
  std::string many;
  for (int i = 0; i < 2'000; ++i) many += "set \"v" + std::to_string(i) + "\" \"x\";";
  EXPECT_NE(value(many, "x").find("too many variables"), std::string::npos);
  EXPECT_EQ(holds("\"variables\"", "string \"${none}\" \"\""), "yes");
  EXPECT_EQ(holds("\"variables\", \"relational\"", "string :count \"eq\" [\"a\", \"\", \"b\"] \"2\""), "yes");
}

TEST(SieveFlags, AreKeptAndTested) {  // RFC 5232
  const auto flags = [](std::string_view script) {
    return did("require [\"imap4flags\", \"fileinto\", \"variables\", \"relational\"];" + std::string(script));
  };
  EXPECT_EQ(flags("setflag \"\\\\Deleted\"; addflag [\"\\\\seen\", \"$Label1 $label1 \\\\Recent\"];"),
            "implicit keep [\\Deleted \\Seen $Label1]");
  EXPECT_EQ(flags("addflag \"a b c\"; removeflag [\"B\", \"\\\\Seen\"]; keep;"), "keep [a c]");
  EXPECT_EQ(flags("setflag \"\\\\Seen\"; fileinto :flags \"\\\\Flagged\" \"x\"; fileinto \"y\";"),
            "fileinto x [\\Flagged]; fileinto y [\\Seen]");
  EXPECT_EQ(flags("setflag \"mine\" \"\\\\Draft\"; addflag \"mine\" \"junk\"; keep :flags \"${mine}\";"),
            "keep [\\Draft junk]");
  EXPECT_EQ(flags("keep :flags \"a\"; keep :flags \"b\";"), "keep [a b]");
  EXPECT_EQ(flags("setflag \"\\\\Seen \\\\Answered\"; if hasflag \"\\\\answered\" { discard; }"), "discard");
  EXPECT_EQ(flags("setflag \"v\" \"a b\"; if hasflag \"v\" [\"z\", \"b c\"] { discard; }"), "discard");
  EXPECT_EQ(flags("setflag \"a b\"; if hasflag :count \"ge\" \"2\" { discard; }"), "discard");
  EXPECT_EQ(flags("if hasflag :contains \"\" { discard; }"), "implicit keep");
}

TEST(SieveVacation, SaysEverything) {  // RFC 5230, RFC 6131, RFC 8580
  EXPECT_EQ(did("require \"vacation\"; vacation \"Gone.\";"), "vacation Gone.; implicit keep");
  EXPECT_EQ(did("require \"vacation\"; vacation :days 23 :addresses [\"tjs@example.edu\"] :subject \"Away\" :from "
                "\"Me <me@example.org>\" :mime \"X\";"),
            "vacation X subject=Away from=Me <me@example.org> mime every 1987200; implicit keep");
  EXPECT_EQ(did("require \"vacation\"; vacation :days 0 \"x\";"), "vacation x every 86400; implicit keep");
  EXPECT_EQ(did("require \"vacation-seconds\"; vacation :seconds 0 \"x\";"), "vacation x every 0; implicit keep");
  EXPECT_EQ(did("require [\"vacation\", \"fcc\", \"mailbox\", \"imap4flags\"]; vacation :fcc \"Sent\" :create :flags "
                "\"\\\\Seen\" \"x\";"),
            "vacation x fcc=Sent create [\\Seen]; implicit keep");
  EXPECT_NE(did("require \"vacation\"; vacation \"a\"; vacation \"b\";").find("only once"), std::string::npos);
  const auto handle = [](std::string_view script) {
    return std::get<Vacation>(run_script(script).outcome.actions.at(0).what).handle;
  };
  EXPECT_EQ(handle("require \"vacation\"; vacation \"a\";"), handle("require \"vacation\"; vacation :days 3 \"a\";"));
  EXPECT_NE(handle("require \"vacation\"; vacation \"a\";"), handle("require \"vacation\"; vacation \"b\";"));
  EXPECT_EQ(handle("require \"vacation\"; vacation :handle \"x\" \"a\";"),
            handle("require \"vacation\"; vacation :handle \"x\" \"b\";"));
}

TEST(SieveReject, StandsAlone) {  // RFC 5429
  EXPECT_EQ(did("require \"reject\"; reject \"No.\";"), "reject No.");
  EXPECT_EQ(did("require \"ereject\"; ereject \"No.\";"), "ereject No.");
  EXPECT_NE(did("require [\"reject\", \"vacation\"]; reject \"No.\"; vacation \"x\";").find("implicit keep ERROR"),
            std::string::npos);
  EXPECT_NE(did("require [\"reject\", \"vacation\"]; vacation \"x\"; reject \"No.\";").find("ERROR"),
            std::string::npos);
  EXPECT_NE(did("require \"reject\"; reject \"a\"; reject \"b\";").find("only once"), std::string::npos);
  EXPECT_NE(did("require \"reject\"; keep; reject \"a\";").find("ERROR"), std::string::npos);
}

TEST(SieveNotify, IsByMail) {  // RFC 5435, RFC 5436
  EXPECT_EQ(did("require \"enotify\"; notify :importance \"1\" :message \"New\" \"mailto:alm@example.com\";"),
            "notify mailto:alm@example.com 1 New; implicit keep");
  const auto mailto_ =
      parse_mailto("mailto:a%40b.c,Bob%20%3Cd@e.f%3E?to=g@h.i&subject=a%20b&body=x%0D%0Ay&X-Priority=1&From=z@z.z");
  ASSERT_FALSE(parse_mailto("mailto:"));
  ASSERT_TRUE(mailto_);
  EXPECT_EQ(mailto_->to, (std::vector<std::string>{"a@b.c", "d@e.f", "g@h.i"}));
  EXPECT_EQ(mailto_->subject, "a b");
  EXPECT_EQ(mailto_->body, "x\r\ny");
  EXPECT_EQ(mailto_->headers.size(), 1u);
  EXPECT_FALSE(parse_mailto("mailto:a@b.c?subject=x%0D%0ABcc:%20evil@x.y"));
  EXPECT_FALSE(parse_mailto("mailto:a@b.c?sub%ZZ=x"));
  EXPECT_FALSE(parse_mailto("http://a@b.c"));
}

TEST(SieveRedirect, TakesListsAndDsn) {
  TestHost host;
  host.known_lists = {"urn:friends"};
  EXPECT_EQ(did("require \"extlists\"; redirect :list \"urn:friends\";", kLetter, host), "redirect list urn:friends");
  EXPECT_NE(did("require \"extlists\"; redirect :list \"urn:none\";", kLetter, host).find("there is no list"),
            std::string::npos);
  EXPECT_EQ(did("require \"redirect-dsn\"; redirect :notify \"failure,delay\" :ret \"hdrs\" \"a@b.c\";"),
            "redirect a@b.c notify=FAILURE,DELAY ret=HDRS");
}

TEST(SieveFileInto, TakesIdsUsesAndCreate) {
  EXPECT_EQ(
      did("require [\"fileinto\", \"mailbox\", \"mailboxid\", \"special-use\"]; fileinto :create :mailboxid \"F1\" "
          ":specialuse \"\\\\Junk\" \"Spam\";"),
      "fileinto Spam id=F1 use=\\Junk create");
  EXPECT_NE(did("require [\"fileinto\", \"variables\"]; fileinto \"${x}\";").find("can be no mailbox"),
            std::string::npos);
}

TEST(SieveDuplicate, RecordsNewIds) {  // RFC 7352
  EXPECT_EQ(did("require \"duplicate\"; if duplicate { discard; }"), "implicit keep; record 604800");
  const Outcome first = run_script("require \"duplicate\"; if duplicate { discard; }").outcome;
  TestHost host;
  host.seen = {std::get<RecordDuplicate>(first.actions.at(1).what).id};
  EXPECT_EQ(did("require \"duplicate\"; if duplicate { discard; }", kLetter, host), "discard");
  EXPECT_EQ(did("require \"duplicate\"; if duplicate :header \"message-id\" { discard; }", kLetter, host), "discard");
  EXPECT_EQ(did("require \"duplicate\"; if duplicate :uniqueid \"<1@desert.example.org>\" { discard; }", kLetter, host),
            "discard");
  EXPECT_EQ(did("require \"duplicate\"; if duplicate :seconds 60 :last { discard; }", kLetter, host),
            "discard; record 60");
  EXPECT_EQ(did("require \"duplicate\"; if duplicate :handle \"x\" { discard; }", kLetter, host),
            "implicit keep; record 604800");
  EXPECT_EQ(did("require \"duplicate\"; if duplicate :seconds 0 { discard; }", kLetter, host), "implicit keep");
  EXPECT_EQ(did("require \"duplicate\"; if duplicate :header \"X-None\" { discard; }", kLetter, host), "implicit keep");
  EXPECT_EQ(did("require [\"duplicate\", \"ihave\"]; if duplicate :handle \"x\" { } error \"no\";", kLetter, host),
            "implicit keep ERROR line 1: the script says: no");
}

TEST(SieveIhave, DefersFaults) {  // RFC 5463
  EXPECT_EQ(did("require \"ihave\"; if ihave \"fileinto\" { fileinto \"a\"; } else { discard; }"), "fileinto a");
  EXPECT_EQ(did("require \"ihave\"; if ihave \"tornado\" { whirl \"a\" :fast; } else { discard; }"), "discard");
  EXPECT_EQ(did("require \"ihave\"; if not ihave \"tornado\" { stop; } if storm \"a\" { whirl { keep; } }"),
            "implicit keep");
  EXPECT_EQ(did("require \"ihave\";\nwhirl;"),
            "implicit keep ERROR line 2: there is no command \"whirl\"; is it spelled right?");
  EXPECT_NE(did("require \"ihave\"; fileinto \"a\";").find("add \"fileinto\""), std::string::npos);
  EXPECT_FALSE(compile("require \"ihave\"; whirl;").warnings.empty());
}

TEST(SieveInclude, RunsOtherScripts) {  // RFC 6609
  TestHost host;
  host.scripts = {{"a", "require \"fileinto\"; fileinto \"a\"; stop;"},
                  {"b", "require [\"fileinto\", \"include\"]; fileinto \"b\"; return; fileinto \"never\";"},
                  {"/b", "require \"fileinto\"; fileinto \"global b\";"},
                  {"loop", "require \"include\"; include \"loop\";"},
                  {"ping", "require \"include\"; include \"pong\";"},
                  {"pong", "require \"include\"; include \"ping\";"},
                  {"broken", "foo;"},
                  {"fails", "require \"ihave\";\nerror \"oh\";"},
                  {"sets",
                   "require [\"include\", \"variables\"]; global \"g\"; set \"g\" \"1\"; set \"l\" \"2\"; set "
                   "\"global.h\" \"3\";"}};
  const auto included = [&](std::string_view script) {
    return did("require [\"include\", \"fileinto\", \"variables\"];" + std::string(script), kLetter, host);
  };
  EXPECT_EQ(included("include \"a\"; fileinto \"x\";"), "fileinto a");
  EXPECT_EQ(included("include \"b\"; fileinto \"x\";"), "fileinto b; fileinto x");
  EXPECT_EQ(included("include :global \"b\"; include :personal \"b\";"), "fileinto global b; fileinto b");
  EXPECT_EQ(included("include :once \"b\"; include :once \"b\";"), "fileinto b");
  EXPECT_EQ(included("return; fileinto \"x\";"), "implicit keep");
  EXPECT_EQ(included("include :optional \"none\"; fileinto \"x\";"), "fileinto x");
  EXPECT_NE(included("include \"none\";").find("ERROR line 1: the script \"none\" cannot be included"),
            std::string::npos);
  EXPECT_NE(included("include :optional \"broken\";").find("no command"), std::string::npos);
  EXPECT_NE(included("include \"loop\";").find("includes itself"), std::string::npos);
  EXPECT_NE(included("include \"ping\";").find("includes itself"), std::string::npos);
  EXPECT_EQ(included("global [\"g\", \"l\"]; include \"sets\"; fileinto \"<${g}${l}${global.h}>\";"), "fileinto <13>");
  const Outcome outcome = run_script("require \"include\"; include \"fails\";", kLetter, host).outcome;
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error_script, "fails");
  EXPECT_EQ(outcome.error->line, 2u);
  // A chain deeper than allowed, and many that are not deep.
  for (int i = 0; i < 20; ++i)
    host.scripts["d" + std::to_string(i)] = "require \"include\"; include \"d" + std::to_string(i + 1) + "\";";
  host.scripts["d20"] = "";
  EXPECT_NE(included("include \"d0\";").find("too many scripts"), std::string::npos);
  EXPECT_EQ(included("include \"d15\";"), "implicit keep");
}

TEST(SieveErrors, KeepTheMessageAndForgetTheRest) {
  EXPECT_EQ(did("require [\"fileinto\", \"ihave\"];\nfileinto \"a\";\nredirect \"a@b.c\";\nerror \"oh\";"),
            "implicit keep ERROR line 4: the script says: oh");
}

}  // namespace
}  // namespace pabal::sieve
