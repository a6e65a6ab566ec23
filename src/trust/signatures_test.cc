#include "trust/signatures.h"

#include "trust/test_signatures.h"

namespace pabal::trust {
namespace {

using namespace test_signatures;

const std::string kRsa1024 =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/"
    "byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/"
    "K4w3QIDAQAB";
const std::string kEd25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

const std::string kEd25519Signature =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n";
const std::string kRsaSignature =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n";
const std::string kMail =
    "From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"
    "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

struct World {
  Keys keys;
  World() {
    keys.add("test._domainkey.football.example.com", "v=DKIM1; k=rsa; p=" + kRsa1024);
    keys.add("brisbane._domainkey.football.example.com", "v=DKIM1; k=ed25519; p=" + kEd25519);
  }
};

std::string verdict(const std::string& message, Keys& keys, Time now = from_unix(1'800'000'000)) {
  const Signatures found = verify(message, keys, now);
  std::string out;
  for (const Dkim& dkim : found.dkim) out += (out.empty() ? "" : " | ") + told(dkim);
  return out;
}

TEST(Dkim, PassesTheExamplesOfRfc8463) {  // §A.3
  World world;
  const Signatures found = verify(kEd25519Signature + kRsaSignature + kMail, world.keys);
  ASSERT_EQ(found.dkim.size(), 2u);
  EXPECT_EQ(told(found.dkim[0]), "pass");
  EXPECT_EQ(found.dkim[0].algorithm, "ed25519-sha256");
  EXPECT_EQ(found.dkim[0].domain, "football.example.com");
  EXPECT_EQ(found.dkim[0].selector, "brisbane");
  EXPECT_EQ(found.dkim[0].identity, "@football.example.com");
  EXPECT_EQ(found.dkim[0].signature_start, "/gCrinpc");
  EXPECT_EQ(told(found.dkim[1]), "pass");
  EXPECT_EQ(found.dkim[1].key_bits, 1024u);
  EXPECT_FALSE(found.dkim[1].testing);
  EXPECT_EQ(found.arc.result, Outcome::kNone);
}

TEST(Dkim, UnsignedMailHasNone) {
  World world;
  EXPECT_TRUE(verify(kMail, world.keys).dkim.empty());
  EXPECT_TRUE(verify("", world.keys).dkim.empty());
  EXPECT_TRUE(verify("no header at all", world.keys).dkim.empty());
  EXPECT_EQ(world.keys.asked, 0);
}

TEST(Dkim, FailsWhatWasChanged) {
  World world;
  const std::string body = "fail: the body is not the one that was signed";
  const std::string header = "fail: the header is not the one that was signed, or not by this key";
  for (const auto& signature : {kRsaSignature, kEd25519Signature}) {
    const std::string good = signature + kMail;
    EXPECT_EQ(verdict(replaced(good, "hungry", "angry"), world.keys), body);
    EXPECT_EQ(verdict(good + "Send money.\r\n", world.keys), body);
    EXPECT_EQ(verdict(good + "\r\n\r\n", world.keys), "pass");  // empty lines at the end do not count
    EXPECT_EQ(verdict(replaced(good, "dinner", "supper"), world.keys), header);
    EXPECT_EQ(verdict(replaced(good, "Is dinner", "Is \r\n\tdinner"), world.keys), "pass");
    EXPECT_EQ(verdict(replaced(good, "Subject:", "SUBJECT :"), world.keys), "pass");
    EXPECT_EQ(verdict(replaced(good, "t=1528637909", "t=1528637908"), world.keys), header);
    EXPECT_EQ(verdict("X-New: 1\r\n" + good, world.keys), "pass");
    // A second Subject or Date: h= has them twice.
    EXPECT_EQ(verdict("Subject: Won!\r\n" + good, world.keys), header);
    EXPECT_EQ(verdict(replaced(good, "b=", "b=AAAA"), world.keys), header);
    // A bare CR or LF is a change.
    EXPECT_EQ(verdict(replaced(good, "Hi.\r\n", "Hi.\n"), world.keys), body);
    EXPECT_EQ(verdict(replaced(good, "Hi.\r\n", "Hi.\r"), world.keys), body);
  }
}

TEST(Dkim, ALineThatCouldBeShownIsNotPassedOver) {
  World world;
  // A line that is no field, before the blank line: shown as the body's first (message/header.h).
  const std::string bad =
      replaced(kRsaSignature + kMail, "example.com>\r\n\r\nHi", "example.com>\r\nPay here now\r\n\r\nHi");
  EXPECT_EQ(verdict(bad, world.keys), "fail: the body is not the one that was signed");
}

TEST(Dkim, BrokenSignaturesArePermerror) {
  World world;
  const auto with = [&](std::string_view from, std::string_view to) {
    return verdict(replaced(kRsaSignature, from, to) + kMail, world.keys);
  };
  EXPECT_EQ(with("v=1; ", ""), "permerror: v= is missing");
  EXPECT_EQ(with("v=1", "v=2"), "permerror: v= is not 1");
  EXPECT_EQ(with("a=rsa-sha256; ", ""), "permerror: a= is missing");
  EXPECT_EQ(with("rsa-sha256", "rsa-sha1"), "permerror: it is of rsa-sha1, which proves nothing (RFC 8301)");
  EXPECT_EQ(with("rsa-sha256", "rsa-md5"), "permerror: a=rsa-md5 is not known here");
  EXPECT_EQ(with("d=football.example.com; ", ""), "permerror: d= is missing");
  EXPECT_EQ(with("d=football.example.com", "d=foot ball"), "permerror: d= is no domain");
  EXPECT_EQ(with("d=football.example.com", "d=com"), "permerror: d= is no domain");
  EXPECT_EQ(with(" s=test;", ""), "permerror: s= is missing");
  EXPECT_EQ(with("s=test", "s=te st"), "permerror: s= is no selector");
  EXPECT_EQ(with("i=@football.example.com", "i=@example.com"), "permerror: i= is outside d=");
  EXPECT_EQ(with("i=@football.example.com", "i=@xfootball.example.com"), "permerror: i= is outside d=");
  EXPECT_EQ(with("i=@football.example.com", "i=joe"), "permerror: i= is no identity");
  EXPECT_EQ(with("c=relaxed/relaxed", "c=nofws"), "permerror: c= names no canonicalization");
  EXPECT_EQ(with("c=relaxed/relaxed", "c="), "permerror: c= names no canonicalization");
  EXPECT_EQ(with("q=dns/txt", "q=dns/special"), "permerror: q= names no way to the key that is known here");
  EXPECT_EQ(with("t=1528637909", "t=now"), "permerror: t= is no number");
  EXPECT_EQ(with("t=1528637909", "t=1; x=1"), "permerror: x= is not later than t=");
  EXPECT_EQ(with("t=1528637909", "l=-1"), "permerror: l= is no number");
  EXPECT_EQ(with("h=from : to :", "h=from :: to :"), "permerror: h= is no list of names");
  EXPECT_EQ(with("h=from : to : subject :\r\n date : message-id : from :", "h=to :"),
            "permerror: h= does not name From");
}

TEST(Dkim, TagListsAreReadStrictly) {
  World world;
  const auto with = [&](std::string_view from, std::string_view to) {
    return verdict(replaced(kRsaSignature, from, to) + kMail, world.keys);
  };
  const std::string bad = "permerror: the tag list is malformed: ";
  EXPECT_EQ(with("q=dns/txt", "v=1"), bad + "it has v= twice");
  EXPECT_EQ(with("q=dns/txt", "what"), bad + "\"what\" has no \"=\"");
  EXPECT_EQ(with("q=dns/txt;", ";"), bad + "\"\" has no \"=\"");
  EXPECT_EQ(with("q=dns/txt", "1q=dns/txt"), bad + "\"1q\" is no name of a tag");
  EXPECT_EQ(with("q=dns/txt", "z=\x01"), bad + "the value of z= has control characters");
  EXPECT_EQ(with("q=dns/txt", "z=\xff"), bad + "it is neither ASCII nor UTF-8");
  std::string bomb;
  for (int i = 0; i < 200; ++i) bomb += "x" + std::to_string(i) + "=;";
  EXPECT_EQ(with("q=dns/txt;", bomb), bad + "it has too many tags");
  EXPECT_EQ(with("q=dns/txt", "z=" + std::string(40'000, 'x')), "permerror: the field is too long");
}

TEST(Dkim, KeysThatDoNotServe) {
  World world;
  const auto with_key = [&](const std::string& txt, std::string_view selector = "x") {
    Keys keys;
    keys.add(std::string(selector) + "._domainkey.football.example.com", txt);
    return verdict(replaced(kRsaSignature, "s=test", "s=" + std::string(selector)) + kMail, keys);
  };
  const std::string record = "permerror: the key record ";
  EXPECT_EQ(with_key("v=DKIM1; p="), record + "has an empty p=: the key has been revoked");
  EXPECT_EQ(with_key("v=DKIM1"), record + "has no p=");
  EXPECT_EQ(with_key("v=DKIM2; p=" + kRsa1024), record + "is of another version than DKIM1");
  EXPECT_EQ(with_key("k=rsa; v=DKIM1; p=" + kRsa1024), record + "is of another version than DKIM1");
  EXPECT_EQ(with_key("k=ed25519; p=" + kEd25519), record + "is for k=ed25519, the signature for rsa");
  EXPECT_EQ(with_key("h=sha1; p=" + kRsa1024), record + "does not allow SHA-256 (h=)");
  EXPECT_EQ(with_key("s=chat:web; p=" + kRsa1024), record + "is not for mail (s=)");
  EXPECT_EQ(with_key("p=!!"), record + "has no base64 in p=");
  EXPECT_EQ(with_key("p=AAAA"), record + "has no RSA key in p=");
  EXPECT_EQ(with_key("v=spf1 -all"), record + "is of another version than DKIM1");
  EXPECT_EQ(with_key(""), record + "is malformed: the tag list is malformed: \"\" has no \"=\"");
  EXPECT_EQ(with_key("p=" + kRsa1024 + "; n=" + std::string(1 << 20, 'x')), record + "is too long");
  // Of a signature changed after all, only the selector: the key is right, the header is not.
  const std::string header = "fail: the header is not the one that was signed, or not by this key";
  EXPECT_EQ(with_key("p=" + kRsa1024), header);
  EXPECT_EQ(with_key("h=sha1:sha256; s=web:email; n=hello; x=1; p=" + kRsa1024), header);
  EXPECT_EQ(with_key("s=*; p=" + kRsa1024 + ";"), header);
  // 512 bits.
  EXPECT_EQ(with_key("p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXVSEmfcIsOzw7oRuCCOwsmtX/"
                     "SJnTWxYyj2leFxfS/AVJ+dYfY+hXqMsT7l+MZvvh/R1WzN4MO/kI/7XsCAwEAAQ=="),
            record + "has an RSA key of 512 bits; below 1024 nothing is proved (RFC 8301)");
}

// SubjectPublicKeyInfo of a modulus of `bits` and an exponent of `exponent` octets, both all ones.
std::string rsa_record(size_t bits, size_t exponent) {
  const auto element = [](char tag, const std::string& contents) {
    const size_t size = contents.size();
    return std::string{tag, '\x82', static_cast<char>(size >> 8), static_cast<char>(size & 255)} + contents;
  };
  const std::string key = element('\x30', element('\x02', '\0' + std::string(bits / 8, '\xff')) +
                                              element('\x02', '\0' + std::string(exponent, '\xff')));
  const std::string rsa_encryption("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 15);
  return "p=" + text::base64(element('\x30', rsa_encryption + element('\x03', '\0' + key)));
}

TEST(Dkim, KeysMadeToCostWork) {
  const auto with_key = [](const std::string& txt) {
    Keys keys;
    keys.add("test._domainkey.football.example.com", txt);
    return verdict(kRsaSignature + kMail, keys);
  };
  EXPECT_TRUE(with_key(rsa_record(1024, 3)).starts_with("fail: the header"));
  EXPECT_TRUE(with_key(rsa_record(8192, 8)).starts_with("fail: the header"));
  EXPECT_EQ(with_key(rsa_record(16384, 3)),
            "permerror: the key record has an RSA key of 16384 bits, more than are taken here");
  EXPECT_EQ(with_key(rsa_record(3072, 300)), "permerror: the key record has an RSA key whose exponent is too large");
  // Broken DER: each beginning of a good key.
  const std::string der = *text::unbase64(kRsa1024);
  for (size_t i = 1; i < der.size(); ++i)
    EXPECT_EQ(with_key("p=" + text::base64(der.substr(0, i))), "permerror: the key record has no RSA key in p=") << i;

  Keys wrapped;  // RFC 8463 §4.2 wants the bare 32 octets
  wrapped.add("brisbane._domainkey.football.example.com",
              "k=ed25519; p=MCowBQYDK2VwAyEA3SUqa9UbfciWkk7tlcJ9P1VD5pXAasg0JUn/OgjVbKE=");
  EXPECT_EQ(verdict(kEd25519Signature + kMail, wrapped),
            "permerror: the key record has no Ed25519 key of 32 octets in p=");
}

TEST(Dkim, SeveralRecordsAndFlags) {
  World world;
  Keys keys;
  const std::string name = "test._domainkey.football.example.com";
  keys.add(name, "google-site-verification=1");
  keys.add(name, "v=DKIM1; t=y:s; p=" + kRsa1024);
  const Signatures found = verify(kRsaSignature + kMail, keys);
  EXPECT_EQ(told(found.dkim.at(0)), "pass");
  EXPECT_TRUE(found.dkim[0].testing);
  EXPECT_EQ(keys.asked, 1);

  Keys strict;
  strict.add("test._domainkey.example.com", "t=s; p=" + kRsa1024);
  EXPECT_EQ(verdict(replaced(kRsaSignature, "d=football.example.com", "d=example.com") + kMail, strict),
            "permerror: i= is in a subdomain of d=, which the key does not allow (t=s)");
}

TEST(Dkim, KeysThatCannotBeLookedUp) {
  Keys keys;
  EXPECT_EQ(verdict(kRsaSignature + kMail, keys), "permerror: there is no key at test._domainkey.football.example.com");
  keys.fail("test._domainkey.football.example.com", Code::kUnavailable);
  EXPECT_EQ(verdict(kRsaSignature + kMail, keys),
            "temperror: the key at test._domainkey.football.example.com cannot be looked up: its servers fail");
  keys.fail("test._domainkey.football.example.com", Code::kDenied);  // DNSSEC
  EXPECT_TRUE(verdict(kRsaSignature + kMail, keys).starts_with("temperror"));
}

TEST(Dkim, NoKeyIsAskedForWhenTheBodyIsAnother) {
  World world;
  verify(replaced(kRsaSignature + kMail, "hungry", "angry"), world.keys);
  EXPECT_EQ(world.keys.asked, 0);
}

TEST(Dkim, FiveHundredSignaturesAreBoundedWork) {
  World world;
  std::string message;
  for (int i = 0; i < 500; ++i)
    message += replaced(replaced(kRsaSignature, "s=test", "s=sel" + std::to_string(i)), "t=1528637909",
                        "l=" + std::to_string(i));
  message += kMail;
  const Signatures found = verify(message, world.keys);
  ASSERT_EQ(found.dkim.size(), kMaxDkimSignatures + 1);
  EXPECT_EQ(told(found.dkim.back()), "policy: 490 more signatures were not looked at; the first 10 are");
  EXPECT_LE(world.keys.asked, 10);

  // One key for all: one look-up.
  message.clear();
  for (int i = 0; i < 500; ++i) message += kRsaSignature;
  world.keys.asked = 0;
  EXPECT_EQ(told(verify(message + kMail, world.keys).dkim[9]), "pass");
  EXPECT_EQ(world.keys.asked, 1);
}

// Beyond the fields that are looked at, another From could stand.
TEST(Dkim, AHeaderThatIsNotReadToItsEndProvesNothing) {
  World world;
  std::string junk;
  for (int i = 0; i < 6'000; ++i) junk += "X: y\r\n";
  const std::string good = kRsaSignature + replaced(kMail, "\r\n\r\n", "\r\n" + junk.substr(0, 1'000 * 6) + "\r\n");
  EXPECT_EQ(verdict(good, world.keys), "pass");
  const std::string late = kRsaSignature + replaced(kMail, "\r\n\r\n", "\r\n" + junk + "From: ceo@example.com\r\n\r\n");
  EXPECT_EQ(verdict(late, world.keys), "permerror: the header is too long to be checked");
}

TEST(Dkim, HugeHeadersAreBoundedWork) {
  World world;
  std::string names = "from";
  for (int i = 0; i < 10'000; ++i) names += ":a";
  std::string message = replaced(kRsaSignature, "h=from", "h=" + names) + kRsaSignature;
  for (int i = 0; i < 100'000; ++i) message += "A: b\r\n";
  message += kMail;
  const auto begin = std::chrono::steady_clock::now();
  verify(message, world.keys);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(2));
}

}  // namespace
}  // namespace pabal::trust
