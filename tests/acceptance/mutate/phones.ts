/**
 * INVITE and 200 of telephones, in their header order and manner of SDP. What stands in braces is
 * filled in by dialogs.ts: N index of the dialog, IP and PORT of the side's media (RTCP: next port,
 * PORT2: a second stream), SIP host:port, TAG, BRANCH, CALL, LEN; in an answer VIA and ROUTE for
 * the lines of Via and Record-Route, and FROM, TO, CALL, CSEQ for the values of the INVITE.
 */
import type { Device } from "./devices.ts";

export const PHONES: readonly Device[] = [
  {
    name: "yealink",
    invite: `
INVITE sip:m{N}@192.0.2.20:5060 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport
From: "201" <sip:201@10.10.1.1:5060>;tag={TAG}
To: <sip:m{N}@192.0.2.20:5060>
Call-ID: 0_{CALL}@{HOST}
CSeq: 1 INVITE
Contact: <sip:201@{SIP}>
Content-Type: application/sdp
Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE
Max-Forwards: 70
User-Agent: Yealink SIP-T46S 66.86.0.15
Supported: replaces
Allow-Events: talk,hold,conference,refer,check-sync
Content-Length: {LEN}

v=0
o=- 20{N} 20{N} IN IP4 {IP}
s=SDP data
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 9 0 8 18 101
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
CSeq: {CSEQ}
Contact: <sip:m{N}@192.0.2.20:5060>
Content-Type: application/sdp
Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE
User-Agent: Yealink SIP-T46S 66.86.0.15
Content-Length: {LEN}

v=0
o=- 20{N} 20{N} IN IP4 {IP}
s=SDP data
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
`,
  },
  {
    // Media-level c= beside that of the session, a=rtcp with an address, video refused in the answer.
    name: "polycom",
    invite: `
INVITE sip:m{N}@192.0.2.20:5060;user=phone SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH}
From: "Reception" <sip:4100@10.10.1.1>;tag={TAG}
To: <sip:m{N}@192.0.2.20;user=phone>
CSeq: 1 INVITE
Call-ID: {CALL}
Contact: <sip:4100@{SIP};transport=udp>
Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,INFO,MESSAGE,SUBSCRIBE,NOTIFY,PRACK,UPDATE,REFER
User-Agent: PolycomVVX-VVX_501-UA/5.9.5.0614
Accept-Language: en
Supported: replaces,100rel
Allow-Events: conference,talk,hold
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=- 1606751510 1606751510 IN IP4 {IP}
s=Polycom IP Phone
c=IN IP4 {IP}
b=AS:1024
t=0 0
a=sendrecv
m=audio {PORT} RTP/AVP 9 102 0 8 18 127
c=IN IP4 {IP}
b=AS:64
a=rtcp:{RTCP} IN IP4 {IP}
a=rtpmap:9 G722/8000
a=rtpmap:102 G7221/16000
a=fmtp:102 bitrate=32000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:127 telephone-event/8000
m=video {PORT2} RTP/AVP 109
b=AS:768
a=rtpmap:109 H264/90000
a=fmtp:109 profile-level-id=42800d; max-mbps=14000
`,
    answer: `
SIP/2.0 200 OK
{VIA}
From: {FROM}
To: {TO};tag={TAG}
CSeq: {CSEQ}
Call-ID: {CALL}
{ROUTE}
Contact: <sip:m{N}@192.0.2.20:5060>
Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,INFO,MESSAGE,SUBSCRIBE,NOTIFY,PRACK,UPDATE,REFER
Supported: replaces,100rel
User-Agent: PolycomVVX-VVX_501-UA/5.9.5.0614
Accept-Language: en
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=- 1606751511 1606751511 IN IP4 {IP}
s=Polycom IP Phone
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 9 127
c=IN IP4 {IP}
a=rtpmap:9 G722/8000
a=rtpmap:127 telephone-event/8000
m=video 0 RTP/AVP 109
`,
  },
  {
    // Upper-case host IDs, no blank behind some colons, a Remote-Party-ID, an RTCP port of its own.
    name: "cisco-spa",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH}
From: "Desk 12" <sip:12@10.10.1.1>;tag={TAG}o0
To: <sip:m{N}@192.0.2.20>
Remote-Party-ID: "Desk 12" <sip:12@10.10.1.1>;screen=yes;party=calling
Call-ID: {CALL}@{HOST}
CSeq: 101 INVITE
Max-Forwards: 70
Contact: "Desk 12" <sip:12@{SIP}>
Expires: 240
User-Agent: Cisco/SPA504G-7.6.2c
Content-Length: {LEN}
Allow: ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, REFER, UPDATE
Supported: replaces
Content-Type: application/sdp

v=0
o=- 8241 8241 IN IP4 {IP}
s=-
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 2 8 9 18 96 97 98 101
a=rtpmap:0 PCMU/8000
a=rtpmap:2 G726-32/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:18 G729a/8000
a=rtpmap:96 G726-40/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:30
a=sendrecv
`,
    answer: `
SIP/2.0 200 OK
To: {TO};tag={TAG}i0
From: {FROM}
Call-ID: {CALL}
CSeq: {CSEQ}
{VIA}
{ROUTE}
Contact: "m{N}" <sip:m{N}@192.0.2.20:5060>
Server: Cisco/SPA504G-7.6.2c
Content-Length: {LEN}
Allow: ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, REFER, UPDATE
Supported: replaces
Content-Type: application/sdp

v=0
o=- 7330 7330 IN IP4 {IP}
s=-
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:30
a=sendrecv
`,
  },
  {
    // SDP with o=Cisco-SIPUA, c= in the media only, early media.
    name: "cisco-7960",
    early: true,
    invite: `
INVITE sip:m{N}@192.0.2.20;user=phone SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH}
From: "7001" <sip:7001@10.10.1.1>;tag={TAG}
To: <sip:m{N}@192.0.2.20;user=phone>
Call-ID: {CALL}@{HOST}
Max-Forwards: 70
Date: Sat, 28 Nov 2026 10:21:44 GMT
CSeq: 101 INVITE
User-Agent: Cisco-CP7960G/8.0
Contact: <sip:7001@{SIP};transport=udp>
Expires: 180
Accept: application/sdp
Allow: ACK,BYE,CANCEL,INVITE,NOTIFY,OPTIONS,REFER,REGISTER,UPDATE
Supported: replaces,join,norefersub
Content-Length: {LEN}
Content-Type: application/sdp
Content-Disposition: session;handling=optional

v=0
o=Cisco-SIPUA 12345 0 IN IP4 {IP}
s=SIP Call
t=0 0
m=audio {PORT} RTP/AVP 0 8 18 101
c=IN IP4 {IP}
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
`,
    answer: `
SIP/2.0 200 OK
{VIA}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
Date: Sat, 28 Nov 2026 10:21:45 GMT
CSeq: {CSEQ}
Server: Cisco-CP7960G/8.0
Contact: <sip:m{N}@192.0.2.20:5060;transport=udp>
{ROUTE}
Content-Length: {LEN}
Content-Type: application/sdp
Content-Disposition: session;handling=optional

v=0
o=Cisco-SIPUA 23456 0 IN IP4 {IP}
s=SIP Call
t=0 0
m=audio {PORT} RTP/AVP 0 101
c=IN IP4 {IP}
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
`,
  },
  {
    // SRTP with two a=crypto lines, a long Contact, everything folded that may be.
    name: "snom",
    invite: `
INVITE sip:m{N}@192.0.2.20:5060;user=phone SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport
From: "Wartung" <sip:30@10.10.1.1>;tag={TAG}
To: <sip:m{N}@192.0.2.20;user=phone>
Call-ID: {CALL}
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:30@{SIP};line=l5uqy1kh>;reg-id=1;q=1.0;
 +sip.instance="<urn:uuid:a2b3c4d5-0000-1000-8000-000413000000>";
 audio;mobility="fixed";duplex="full";description="snom370";actor="principal";
 events="dialog";methods="INVITE,ACK,CANCEL,BYE,REFER,OPTIONS,NOTIFY,SUBSCRIBE"
X-Serialnumber: 000413000000
P-Key-Flags: resolution="31x13", keys="4"
User-Agent: snom370/8.7.5.35
Accept: application/sdp
Allow: INVITE, ACK, CANCEL, BYE, REFER, OPTIONS, NOTIFY, SUBSCRIBE, PRACK,
 MESSAGE, INFO, UPDATE
Allow-Events: talk, hold, refer, call-info
Supported: timer, 100rel, replaces, from-change
Session-Expires: 3600;refresher=uas
Min-SE: 90
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=root 1184390041 1184390041 IN IP4 {IP}
s=call
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/SAVP 0 8 9 18 101
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:CAn3mQzsb0ZWq3FX6ZHk3GcU4yYB3QhI1f9ZcbAJ
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32
a=rtpmap:0 pcmu/8000
a=rtpmap:8 pcma/8000
a=rtpmap:9 g722/8000
a=rtpmap:18 g729/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=encryption:optional
a=sendrecv
`,
    answer: `
SIP/2.0 200 Ok
{VIA}
{ROUTE}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
CSeq: {CSEQ}
Contact: <sip:m{N}@192.0.2.20:5060;line=9dqcc2bs>;reg-id=1
User-Agent: snom370/8.7.5.35
Allow: INVITE, ACK, CANCEL, BYE, REFER, OPTIONS, NOTIFY, SUBSCRIBE, PRACK,
	MESSAGE, INFO, UPDATE
Supported: timer, 100rel, replaces, from-change
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=root 1184390041 1184390042 IN IP4 {IP}
s=call
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/SAVP 0 101
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:Wb1MzZPTrzUyJ0oVwDqsbV0rwGrhH0p9bGqbcSje
a=rtpmap:0 pcmu/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
`,
  },
  {
    name: "grandstream",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport
From: "Front" <sip:1002@10.10.1.1>;tag={TAG}
To: <sip:m{N}@192.0.2.20>
Call-ID: {CALL}@BAC.BAA.B.BF
CSeq: 30 INVITE
Contact: "Front" <sip:1002@{SIP};reg-tp=1>
Max-Forwards: 70
User-Agent: Grandstream GXP2170 1.0.9.135
Privacy: none
P-Preferred-Identity: "Front" <sip:1002@10.10.1.1>
Supported: replaces, path, timer
Allow: INVITE, ACK, OPTIONS, CANCEL, BYE, SUBSCRIBE, NOTIFY, INFO, REFER, UPDATE, MESSAGE
Content-Type: application/sdp
Accept: application/sdp, application/dtmf-relay
Content-Length: {LEN}

v=0
o=1002 8000 8000 IN IP4 {IP}
s=SIP Call
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 8 4 18 9 97 2 101
a=sendrecv
a=rtcp:{RTCP} IN IP4 {IP}
a=rtpmap:0 PCMU/8000
a=ptime:20
a=rtpmap:4 G723/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:97 iLBC/8000
a=fmtp:97 mode=20
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp-mux
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
CSeq: {CSEQ}
Contact: <sip:m{N}@192.0.2.20:5060>
Supported: replaces, path, timer
User-Agent: Grandstream GXP2170 1.0.9.135
Allow: INVITE, ACK, OPTIONS, CANCEL, BYE, SUBSCRIBE, NOTIFY, INFO, REFER, UPDATE, MESSAGE
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=m{N} 8000 8001 IN IP4 {IP}
s=SIP Call
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 101
a=sendonly
a=rtcp:{RTCP} IN IP4 {IP}
a=rtpmap:0 PCMU/8000
a=ptime:20
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
`,
  },
  {
    // A soft phone with ICE: host candidates of its own, a hidden o=, and video.
    name: "linphone",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport
From: <sip:anna@10.10.1.1>;tag={TAG}
To: sip:m{N}@192.0.2.20
CSeq: 20 INVITE
Call-ID: {CALL}
Max-Forwards: 70
Supported: replaces, outbound, gruu, path
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE
Content-Type: application/sdp
Content-Length: {LEN}
Contact: <sip:anna@{SIP};gr=urn:uuid:0f1d2c3b>;+org.linphone.specs="conference/2.0,ephemeral"
User-Agent: LinphoneAndroid/5.2.5 (Pixel) LinphoneSDK/5.3.47

v=0
o=anna 2413 1892 IN IP4 {IP}
s=Talk
c=IN IP4 {IP}
t=0 0
a=ice-pwd:2b1f4ab9c0f3e1d2a3b4c5d6
a=ice-ufrag:8f7e2c1a
m=audio {PORT} RTP/AVP 96 0 8 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:101 telephone-event/8000
a=rtcp:{RTCP}
a=candidate:1 1 UDP 2130706303 {IP} {PORT} typ host
a=candidate:1 2 UDP 2130706302 {IP} {RTCP} typ host
a=rtcp-fb:* ccm tmmbr
m=video {PORT2} RTP/AVP 97
a=rtpmap:97 VP8/90000
a=rtcp-fb:97 nack pli
`,
    answer: `
SIP/2.0 200 Ok
{VIA}
{ROUTE}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
CSeq: {CSEQ}
User-Agent: LinphoneAndroid/5.2.5 (Pixel) LinphoneSDK/5.3.47
Supported: replaces, outbound, gruu, path
Contact: <sip:m{N}@192.0.2.20:5060>;+org.linphone.specs="lime"
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=m{N} 3344 2200 IN IP4 {IP}
s=Talk
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 96 101
a=rtpmap:96 opus/48000/2
a=rtpmap:101 telephone-event/48000
a=candidate:1 1 UDP 2130706303 {IP} {PORT} typ host
m=video {PORT2} RTP/AVP 97
a=rtpmap:97 VP8/90000
a=inactive
`,
  },
  {
    // SDP lines that end in bare LF, a c= for each stream and none for the session, a data stream.
    name: "zoiper",
    bodyLineEnd: "\n",
    invite: `
INVITE sip:m{N}@192.0.2.20;transport=UDP SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport
Max-Forwards: 70
Contact: <sip:bob@{SIP};transport=UDP>
To: <sip:m{N}@192.0.2.20>
From: <sip:bob@10.10.1.1;transport=UDP>;tag={TAG}
Call-ID: {CALL}..
CSeq: 1 INVITE
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE
Content-Type: application/sdp
User-Agent: Z 5.6.4 v2.10.20.5
Allow-Events: presence, kpml, talk, as-feature-event
Content-Length: {LEN}

v=0
o=Z 1700000000001 1 IN IP4 {IP}
s=Z
t=0 0
m=audio {PORT} RTP/AVP 106 9 98 101 0 8 3
c=IN IP4 {IP}
a=rtpmap:106 opus/48000/2
a=fmtp:106 sprop-maxcapturerate=16000; minptime=20; useinbandfec=1
a=rtpmap:98 telephone-event/48000
a=rtpmap:101 telephone-event/8000
a=sendrecv
m=application {PORT2} TCP/MSRP *
c=IN IP4 {IP}
a=path:msrp://{IP}:{PORT2}/s{N};tcp
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
Require: timer
Contact: <sip:m{N}@192.0.2.20:5060;transport=UDP>
To: {TO};tag={TAG}
From: {FROM}
Call-ID: {CALL}
CSeq: {CSEQ}
Session-Expires: 1800;refresher=uac
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=Z 1700000000002 1 IN IP4 {IP}
s=Z
t=0 0
m=audio {PORT} RTP/AVP 0 101
c=IN IP4 {IP}
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
m=application 0 TCP/MSRP *
c=IN IP4 {IP}
`,
  },
];
