/** INVITE and 200 of PBXs, carriers and gateways; see phones.ts for what the braces mean. */
import type { Device } from "./devices.ts";

export const GATEWAYS: readonly Device[] = [
  {
    name: "asterisk-pjsip",
    early: true,
    invite: `
INVITE sip:m{N}@192.0.2.20:5060 SIP/2.0
Via: SIP/2.0/UDP {SIP};rport;branch={BRANCH}
From: "Alice" <sip:100@{HOST}>;tag={TAG}
To: <sip:m{N}@192.0.2.20>
Contact: <sip:asterisk@{SIP}>
Call-ID: {CALL}
CSeq: 11273 INVITE
Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, MESSAGE, REFER
Supported: 100rel, timer, replaces, norefersub, histinfo
Session-Expires: 1800
Min-SE: 90
Max-Forwards: 70
User-Agent: Asterisk PBX 20.11.1
Content-Type: application/sdp
Content-Length:   {LEN}

v=0
o=- 1219371836 1219371836 IN IP4 {IP}
s=Asterisk
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
Call-ID: {CALL}
From: {FROM}
To: {TO};tag={TAG}
CSeq: {CSEQ}
Server: Asterisk PBX 20.11.1
Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, MESSAGE, REFER
Contact: <sip:192.0.2.20:5060>
Supported: 100rel, timer, replaces, norefersub
Content-Type: application/sdp
Content-Length:   {LEN}

v=0
o=- 1219371836 1219371838 IN IP4 {IP}
s=Asterisk
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
`,
  },
  {
    name: "asterisk-sip",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport
Max-Forwards: 70
From: "asterisk" <sip:asterisk@{HOST}>;tag={TAG}
To: <sip:m{N}@192.0.2.20>
Contact: <sip:asterisk@{SIP}>
Call-ID: {CALL}@{SIP}
CSeq: 102 INVITE
User-Agent: Asterisk PBX 1.8.32.3
Date: Sat, 28 Nov 2026 11:02:01 GMT
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH
Supported: replaces, timer
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=root 1821355311 1821355311 IN IP4 {IP}
s=Asterisk PBX 1.8.32.3
c=IN IP4 {IP}
b=CT:384
t=0 0
m=audio {PORT} RTP/AVP 0 3 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:3 GSM/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=silenceSupp:off - - - -
a=ptime:20
a=sendrecv
m=video {PORT2} RTP/AVP 34
a=rtpmap:34 H263/90000
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
Server: Asterisk PBX 1.8.32.3
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH
Supported: replaces, timer
Contact: <sip:m{N}@192.0.2.20:5060>
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=root 505413231 505413231 IN IP4 {IP}
s=Asterisk PBX 1.8.32.3
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
m=video {PORT2} RTP/AVP 34
a=rtpmap:34 H263/90000
`,
  },
  {
    name: "freeswitch",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};rport;branch={BRANCH}
Max-Forwards: 69
From: "Extension 1000" <sip:1000@{HOST}>;tag={TAG}
To: <sip:m{N}@192.0.2.20>
Call-ID: {CALL}-a1
CSeq: 126810344 INVITE
Contact: <sip:gw+carrier@{SIP};transport=udp;gw=carrier>
User-Agent: FreeSWITCH-mod_sofia/1.10.12-release~64bit
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REFER, NOTIFY
Supported: timer, path, replaces
Allow-Events: talk, hold, conference, refer
Content-Type: application/sdp
Content-Disposition: session
Content-Length: {LEN}
X-FS-Support: update_display,send_info
Remote-Party-ID: "Extension 1000" <sip:1000@{HOST}>;party=calling;screen=yes;privacy=off

v=0
o=FreeSWITCH 1764300000 1764300001 IN IP4 {IP}
s=FreeSWITCH
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 102 9 0 8 103 101
a=rtpmap:102 opus/48000/2
a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 telephone-event/48000
a=fmtp:103 0-15
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=rtcp-mux
a=rtcp:{PORT} IN IP4 {IP}
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
CSeq: {CSEQ}
Contact: <sip:m{N}@192.0.2.20:5060;transport=udp>
User-Agent: FreeSWITCH-mod_sofia/1.10.12-release~64bit
Accept: application/sdp
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REFER, NOTIFY
Supported: timer, path, replaces
Content-Type: application/sdp
Content-Disposition: session
Content-Length: {LEN}

v=0
o=FreeSWITCH 1764300100 1764300101 IN IP4 {IP}
s=FreeSWITCH
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=silenceSupp:off - - - -
a=ptime:20
`,
  },
  {
    // Compact headers, several Via, o= of another host than c=.
    name: "carrier-sbc",
    invite: `
INVITE sip:m{N}@192.0.2.20:5060;transport=udp;user=phone SIP/2.0
v: SIP/2.0/UDP {SIP};branch={BRANCH}
v: SIP/2.0/UDP 10.10.1.40:5060;branch=z9hG4bK0cBf55ddee;received=10.10.1.40, SIP/2.0/UDP 10.10.1.41;branch=z9hG4bKnested.1;maddr=10.10.1.41;ttl=16
f: "+390612345678" <sip:+390612345678@{HOST};user=phone>;tag={TAG}
t: <sip:m{N}@192.0.2.20;user=phone>
i: {CALL}@{HOST}
CSeq: 1 INVITE
Max-Forwards: 57
m: <sip:+390612345678@{SIP};transport=udp;tgrp=TG01;trunk-context=carrier.example;x-afi=6;isup-oli=0>
k: 100rel,timer,precondition
P-Asserted-Identity: <sip:+390612345678@{HOST};user=phone>,<tel:+390612345678>
P-Charging-Vector: icid-value=3b1f;icid-generated-at=10.10.1.40;orig-ioi=carrier.example
Allow: ACK,BYE,CANCEL,INFO,INVITE,OPTIONS,PRACK,REFER,UPDATE
c: application/sdp
l: {LEN}

v=0
o=Sonus_UAC 21204 3242 IN IP4 10.10.1.40
s=SIP Media Capabilities
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8 18 101
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
a=maxptime:20
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
f: {FROM}
t: {TO};tag={TAG}
i: {CALL}
CSeq: {CSEQ}
m: <sip:m{N}@192.0.2.20:5060;transport=udp;dtg=TG02>
k: timer
Allow: ACK,BYE,CANCEL,INFO,INVITE,OPTIONS,PRACK,REFER,UPDATE
c: application/sdp
l: {LEN}

v=0
o=Sonus_UAC 91204 1 IN IP4 192.0.2.20
s=SIP Media Capabilities
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
a=maxptime:20
`,
  },
  {
    // SDP and ISUP in one body (SIP-I). The ISUP part is an IAM, not text.
    name: "sip-i-gateway",
    invite: `
INVITE sip:m{N}@192.0.2.20;user=phone SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH}
From: <sip:+4930123@{HOST};user=phone>;tag={TAG}
To: <sip:m{N}@192.0.2.20;user=phone>
Call-ID: {CALL}@{HOST}
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:{SIP}>
MIME-Version: 1.0
Supported: 100rel
Content-Type: multipart/mixed;boundary=unique-{N}
Content-Length: {LEN}

--unique-{N}
Content-Type: application/sdp

v=0
o=PGW 3 1 IN IP4 {IP}
s=-
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8
a=rtpmap:8 PCMA/8000

--unique-{N}
Content-Type: application/isup;version=itu-t92+;base=itu-t92+
Content-Disposition: signal;handling=optional

\x01\x00\x49\x00\x00\x03\x02\x00\x07\x04\x10\x00\x33\x63\x21\x43\x00
--unique-{N}--
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
MIME-Version: 1.0
Content-Type: multipart/mixed;boundary="unique-b"
Content-Length: {LEN}

--unique-b
Content-Type: application/sdp

v=0
o=PGW 4 1 IN IP4 {IP}
s=-
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8
a=rtpmap:8 PCMA/8000

--unique-b
Content-Type: application/isup;version=itu-t92+

\x09\x11\x02\x16\x04\x00
--unique-b--
`,
  },
  {
    // T.38 beside audio that is refused, and the other way round in the answer.
    name: "fax-gateway",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH}
Max-Forwards: 70
To: <sip:m{N}@192.0.2.20>
From: <sip:fax@{HOST}>;tag={TAG}
Call-ID: {CALL}@{HOST}
CSeq: 1 INVITE
Contact: <sip:fax@{SIP}>
User-Agent: Audiocodes-Sip-Gateway-MP-118 FXS/v.6.60A.250
Supported: em,100rel,timer,replaces,path,resource-priority,sdp-anat
Allow: REGISTER,OPTIONS,INVITE,ACK,CANCEL,BYE,NOTIFY,PRACK,REFER,INFO,SUBSCRIBE,UPDATE
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=AudiocodesGW 1893461 1893461 IN IP4 {IP}
s=Phone-Call
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 8 0
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=gpmd:8 vbd=yes;ecan=on
m=image {PORT2} udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxMaxBuffer:1024
a=T38FaxUdpEC:t38UDPRedundancy
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
Server: Audiocodes-Sip-Gateway-MP-118 FXS/v.6.60A.250
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=AudiocodesGW 1893470 1893470 IN IP4 {IP}
s=Phone-Call
c=IN IP4 {IP}
t=0 0
m=audio 0 RTP/AVP 8 0
m=image {PORT} UDPTL t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxUdpEC:t38UDPRedundancy
`,
  },
  {
    // As long as they get: over the module's 1 KB.
    name: "teams-sbc",
    invite: `
INVITE sip:m{N}@192.0.2.20:5060;user=phone;transport=udp SIP/2.0
FROM: Adele Vance<sip:+14255550100@sbc.example:5060;user=phone>;tag={TAG}
TO: <sip:m{N}@192.0.2.20:5060;user=phone>
CSEQ: 1 INVITE
CALL-ID: {CALL}
MAX-FORWARDS: 68
VIA: SIP/2.0/UDP {SIP};branch={BRANCH}
RECORD-ROUTE: <sip:10.10.1.50:5060;transport=udp;lr>
CONTACT: <sip:api-du-a-euwe.pstnhub.example:443;x-i=9c3e5f7a-1b2c-4d5e-8f90-a1b2c3d4e5f6;x-c={CALL}/s/1/8aa6;x-sip={SIP}>
CONTENT-LENGTH: {LEN}
MIN-SE: 300
SUPPORTED: histinfo,timer
USER-AGENT: Microsoft.PSTNHub.SIPProxy v.2026.11.2.1 i.EUWE.5
CONTENT-TYPE: application/sdp
ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY
SESSION-EXPIRES: 3600;refresher=uac

v=0
o=- 133467 0 IN IP4 127.0.0.1
s=session
c=IN IP4 {IP}
b=CT:10000000
t=0 0
m=audio {PORT} RTP/SAVP 104 9 103 111 18 0 8 97 101 13 118
c=IN IP4 {IP}
a=rtcp:{RTCP}
a=ice-ufrag:ypzS
a=ice-pwd:yZ3cW4vXz9N0kq1M5tR7uB2a
a=rtcp-mux
a=candidate:1 1 UDP 2130706431 {IP} {PORT} typ srflx raddr 10.0.136.1 rport {PORT}
a=candidate:1 2 UDP 2130705918 {IP} {RTCP} typ srflx raddr 10.0.136.1 rport {RTCP}
a=candidate:2 1 tcp-act 2121006078 {IP} 49152 typ srflx raddr 10.0.136.1 rport 49152
a=candidate:2 2 tcp-act 2121006078 {IP} 49152 typ srflx raddr 10.0.136.1 rport 49152
a=label:main-audio
a=mid:1
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:V/Lr6Lsvhad/crQrB7fsjJtE0wzRcNPFLU7O2fFR|2^31
a=sendrecv
a=rtpmap:104 SILK/16000
a=rtpmap:9 G722/8000
a=rtpmap:103 SILK/8000
a=rtpmap:111 SIREN/16000
a=fmtp:111 bitrate=16000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 RED/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:13 CN/8000
a=rtpmap:118 CN/16000
a=ptime:20
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
FROM: {FROM}
TO: {TO};tag={TAG}
CALL-ID: {CALL}
CSEQ: {CSEQ}
CONTACT: <sip:m{N}@192.0.2.20:5060;x-i=9c3e5f7a-1b2c-4d5e-8f90-a1b2c3d4e5f6>
CONTENT-LENGTH: {LEN}
CONTENT-TYPE: application/sdp
ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY
SERVER: Microsoft.PSTNHub.SIPProxy v.2026.11.2.1 i.EUWE.5

v=0
o=- 13998 0 IN IP4 127.0.0.1
s=session
c=IN IP4 {IP}
b=CT:10000000
t=0 0
m=audio {PORT} RTP/SAVP 0 101
c=IN IP4 {IP}
a=rtcp:{RTCP}
a=candidate:1 1 UDP 2130706431 {IP} {PORT} typ host
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QtbBLlv8DHc8FvXKDH2EnhZbIu2Mh1RkNWJd8Vjz|2^31
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
`,
  },
  {
    // A PBX that offers nothing: the 200 brings the offer, the ACK the answer.
    name: "avaya-late-offer",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
From: "Ext 5001" <sip:5001@avaya.example>;tag={TAG}
To: <sip:m{N}@192.0.2.20>
Call-ID: {CALL}
CSeq: 1 INVITE
Via: SIP/2.0/UDP {SIP};branch={BRANCH}-AP;ft=38
Record-Route: <sip:10.10.1.60;lr;av-lic=enc>
Supported: 100rel, histinfo, join, replaces, sdp-anat, timer
Allow: INVITE, ACK, OPTIONS, BYE, CANCEL, SUBSCRIBE, NOTIFY, REFER, INFO, PRACK, PUBLISH, UPDATE
User-Agent: Avaya CM/R018x.01.0.890.0 AVAYA-SM-8.1.3.0.813014
Contact: "Ext 5001" <sip:5001@{SIP};gsid=0fb0c4e0-31b7-11eb;epv=%3Curn%3Aavaya%3E>
Accept-Language: en
Alert-Info: <cid:internal@avaya.example>;avaya-cm-alert-type=internal
History-Info: <sip:m{N}@192.0.2.20>;index=1, "m{N}" <sip:m{N}@192.0.2.20>;index=1.1
Min-SE: 1200
P-Asserted-Identity: "Ext 5001" <sip:5001@avaya.example>
Session-Expires: 1200;refresher=uac
P-AV-Message-Id: 1_1
Max-Forwards: 66
P-Charging-Vector: icid-value="0fb0c4e0"
Av-Global-Session-ID: 0fb0c4e0-31b7-11eb-8dbe-000c29
Content-Length: {LEN}

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
Server: Avaya CM/R018x.01.0.890.0
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=- 1606755321 1 IN IP4 {IP}
s=-
c=IN IP4 {IP}
b=AS:64
t=0 0
m=audio {PORT} RTP/AVP 0 8 18 127
a=rtpmap:0 PCMU/8000
a=rtpmap:127 telephone-event/8000
a=ptime:20
`,
    ack: `v=0
o=- 1606755322 1 IN IP4 {IP}
s=-
c=IN IP4 {IP}
t=0 0
m=audio {PORT} RTP/AVP 0 127
a=rtpmap:0 PCMU/8000
a=rtpmap:127 telephone-event/8000
`,
  },
  {
    // Held from the start, in the old way, and IPv6 in the answer of a dual-stack gateway.
    name: "dual-stack-gateway",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH};rport;keep;alias
Max-Forwards: 70
From: <sip:gw@{HOST}>;tag={TAG}
To: "m{N}" <sip:m{N}@192.0.2.20>
Call-ID: {CALL}
CSeq: 1 INVITE
Contact: <sip:gw@{SIP};ob>
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=gw 1 1 IN IP4 gw.carrier.example
s= 
c=IN IP4 0.0.0.0
t=0 0
m=audio {PORT} RTP/AVP 8 101
c=IN IP4 {IP}
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=inactive
`,
    answer: `
SIP/2.0 200 OK
{VIA}
{ROUTE}
From: {FROM}
To: {TO};tag={TAG}
Call-ID: {CALL}
CSeq: {CSEQ}
Contact: <sip:m{N}@192.0.2.20:5060;ob>
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=gw 2 1 IN IP6 {IP6}
s= 
c=IN IP6 {IP6}
t=0 0
m=audio {PORT} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=recvonly
`,
  },
  {
    // A provider that writes host names into SDP.
    name: "host-name-provider",
    invite: `
INVITE sip:m{N}@192.0.2.20 SIP/2.0
Via: SIP/2.0/UDP {SIP};branch={BRANCH}
From: <sip:b2b@{HOST}>;tag={TAG}
To: <sip:m{N}@192.0.2.20>
Call-ID: {CALL}
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:b2b@{SIP}>
Content-Type: application/sdp
Content-Length: {LEN}

v=0
o=b2b 1 1 IN IP4 media{N}.caller.example
s=-
c=IN IP4 media{N}.caller.example
t=0 0
m=audio {PORT} RTP/AVP 8
a=rtpmap:8 PCMA/8000
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
Content-Length: {LEN}

v=0
o=b2b 1 1 IN IP4 media{N}.callee.example
s=-
c=IN IP4 media{N}.callee.example
t=0 0
m=audio {PORT} RTP/AVP 8
a=rtpmap:8 PCMA/8000
`,
  },
];
