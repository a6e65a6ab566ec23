// room: message
// What one message of 8 KiB costs: parse, record, words for search. Prints microseconds.
#include <chrono>
#include <cstdio>
#include <string>

#include "message/message.h"

int main() {
  namespace m = pabal::message;
  std::string bytes;
  for (int i = 0; i < 4; ++i)
    bytes += "Received: from mx" + std::to_string(i) +
             ".example.net ([192.0.2.1])\r\n\tby mail.example.com (Pabal) with ESMTPS id abc;\r\n\tTue, 24 Nov 2026 "
             "09:15:00 +0900\r\n";
  bytes +=
      "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from:to:subject;\r\n "
      "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
      "Date: Tue, 24 Nov 2026 09:15:00 +0900\r\nFrom: =?utf-8?B?7YyM67Cc?= <alice@example.com>\r\nTo: Bob "
      "<bob@univ.edu>, carol@example.net\r\n"
      "Subject: A letter\r\nMessage-ID: <1@example.com>\r\nReferences: <0@example.com> "
      "<00@example.com>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n--=_b\r\nContent-Type: text/plain; "
      "charset=utf-8\r\n\r\n";
  while (bytes.size() < 4 << 10) bytes += "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do.\r\n";
  bytes += "--=_b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
  while (bytes.size() < 8 << 10) bytes += "<p>Lorem <b>ipsum</b> dolor sit amet, =C3=A9 consectetur adipiscing</p>\r\n";
  bytes += "--=_b--\r\n";
  const auto time = [&](const char* what, const auto& work) {
    constexpr int kRounds = 20'000;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRounds; ++i) work();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    std::printf("%-10s %7.2f us\n", what, took.count() / kRounds);
  };
  const m::Message message = m::parse(bytes);
  const std::string record = m::encode(message);
  size_t sum = 0;
  time("parse", [&] { sum += m::parse(bytes).root.body_size; });
  time("encode", [&] { sum += m::encode(message).size(); });
  time("decode", [&] { sum += m::decode(record)->root.body_size; });
  time("all_text", [&] { sum += m::all_text(bytes, message).size(); });
  time("preview", [&] { sum += m::preview(bytes, message).size(); });
  return sum == 0;
}
