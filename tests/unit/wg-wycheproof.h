// SPDX-License-Identifier: Apache-2.0
// Cases of Project Wycheproof (github.com/C2SP/wycheproof, testvectors_v1, commit dac1dd47), chosen by what
// they are for: carries in Poly1305, keys and tags at the edge, mutilated tags, low-order and non-canonical points.
#pragma once

#include <stdbool.h>

struct wycheproof_aead {
	int id;
	bool valid;
	const char *key, *iv, *aad, *msg, *ct, *tag;
};

struct wycheproof_x25519 {
	int id;
	bool zero; /* the result is, so it must be refused */
	const char *public, *private, *shared;
};

static const struct wycheproof_aead wycheproof_chacha20[] = {
	{1, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a"
		"20496620"
		"4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675"
		"74757265"
		"2c2073756e73637265656e20776f756c642062652069742e",
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282"
		"fafb69da"
		"92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad6"
		"75945585"
		"808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
		"1ae10b594f09e26a7e902ecbd0600691"},
	{2, true, "80ba3192c803ce965ea371d5ff073cf0f43b6a2ab576b208426e11409c09b9b0",
		"4da5bf8dfd5852c1ea12379d", "", "", "", "76acb342cf3166a5b63c0c0ea1383c8d"},
	{3, true, "7a4cd759172e02eb204db2c3f5c746227df584fc1345196391dbb9577a250742",
		"a92ef0ac991dd516a3c6f689", "bd506764f2d2c410", "", "",
		"906fa6284b52f87b7359cbaa7563c709"},
	{4, true, "cc56b680552eb75008f5484b4cb803fa5063ebd6eab91f6ab6aef4916a766273",
		"99e23ec48985bccdeeab60f1", "", "2a", "3a", "cac27dec0968801e9f6eded69d807522"},
	{5, true, "46f0254965f769d52bdb4a70b443199f8ef207520d1220c55e4b70f0fda620ee",
		"ab0dca716ee051d2782f4403", "91ca6c592cbcca53", "51", "c4",
		"168310ca45b1f7c66cad4e99e43f72b9"},
	{6, true, "2f7f7e4f592bb389194989743507bf3ee9cbde1786b6695fe6c025fd9ba4c100",
		"461af122e9f2e0347e03f2db", "", "5c60", "4d13", "91e8b61efb39c122195453077b22e5e2"},
	{7, true, "c8833dce5ea9f248aa2030eacfe72bffe69a620caf793344e5718fe0d7ab1a58",
		"61546ba5f1720590b6040ac6", "88364fc8060518bf", "ddf2", "b60d",
		"ead0fd4697ec2e5558237719d02437a2"},
	{8, true, "bd8ed7fb0d607522f04d0b12d42c92570bccc5ba2486953d70ba2e8193f6225a",
		"d2ab0abb50a8e9fba25429e1", "", "201221", "3cf470",
		"a27a69c9d7ee84586f11388c6884e63a"},
	{9, true, "1c8b59b17a5ceced31bde97d4cefd9aaaa63362e096e863ec1c89580bca79b7a",
		"94f32a6dff588f2b5a2ead45", "6c8cf2ab3820b695", "453f95", "610925",
		"a8a7883eb7e40bc40e2e5922ae95ddc3"},
	{10, true, "e4912cb75a1174345f1a457366f18885fe8460b06478e04be2f7fb4ec9c113e5",
		"7aa5ad8bf5254762171ec869", "", "9e4c1d03", "fe6849aa",
		"99ad07871b25c27defc31a541bd5c418"},
	{11, true, "e05777ef3d989ace7d2abfba452bfded54801dbd5c66e91c0c2ef00479d85572",
		"b7f526e3fd71cf5720961aec", "15d93a96d0e6c5a9", "17bfda03", "f4710e51",
		"b957c6a37b6a4c94996c002186d63b2b"},
	{122, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b", "00000000000000000000000000000000",
		"65b63bf074b7283992e24b1ac0df0d22b555dbe2254d94a43f1de748d3cc6f0d",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"39f4fce3026d83789ffd1ee6f2cd7c4f"},
	{123, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b", "00000000000000000000000000000000",
		"65b63bf074b7283992e24b1ac0df0d22b555dbe2254d94a43f1de748d3cc6f0d20c142fe898fbbe668"
		"d4324394"
		"434c1b18b58ead710aed9c31db1f2a8a1f1bb2",
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000"
		"00000000000000000000000000000000000000",
		"f5eaa804605c3a4785f9d7f13b6f67d6"},
	{124, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b", "00000000000000000000000000000000",
		"65b63bf074b7283992e24b1ac0df0d22b555dbe2254d94a43f1de748d3cc6f0d20c142fe898fbbe668"
		"d4324394"
		"434c1b18b58ead710aed9c31db1f2a8a1f1bb24405c183af94ee1ad630cd931158a6213d48c8fff10d"
		"0a1f9ef7"
		"60188e658802aad55e41a1d99069a18db55c56af7c10a6f21ecc8af9b7ce0a7ea0b67426e925",
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000"
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000"
		"0000000000000000000000000000000000000000000000000000000000000000000000000000",
		"9b5c43a78d954e8a3c659eebc13d5d55"},
	{125, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b", "ffffffffffffffffffffffffffffffff",
		"9a49c40f8b48d7c66d1db4e53f20f2dd4aaa241ddab26b5bc0e218b72c3390f2",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"37e3399d9ca696799f08f4f72bc0cdd8"},
	{126, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b", "ffffffffffffffffffffffffffffffff",
		"9a49c40f8b48d7c66d1db4e53f20f2dd4aaa241ddab26b5bc0e218b72c3390f2df3ebd017670441997"
		"2bcdbc6b"
		"bcb3e4e74a71528ef51263ce24e0d575e0e44d",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"3d52710bec86d4ea9fea2ff269549191"},
	{127, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b", "ffffffffffffffffffffffffffffffff",
		"9a49c40f8b48d7c66d1db4e53f20f2dd4aaa241ddab26b5bc0e218b72c3390f2df3ebd017670441997"
		"2bcdbc6b"
		"bcb3e4e74a71528ef51263ce24e0d575e0e44dbbfa3e7c506b11e529cf326ceea759dec2b737000ef2"
		"f5e06108"
		"9fe7719a77fd552aa1be5e266f965e724aa3a95083ef590de13375064831f5815f498bd916da",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"51356329e280b12d55d3d98f0a580cbe"},
	{146, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f5409bb729039d0814ac514054323f44"},
	{147, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f6409bb729039d0814ac514054323f44"},
	{148, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "74409bb729039d0814ac514054323f44"},
	{149, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4419bb729039d0814ac514054323f44"},
	{150, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409b3729039d0814ac514054323f44"},
	{151, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb728039d0814ac514054323f44"},
	{152, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb72b039d0814ac514054323f44"},
	{153, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d8814ac514054323f44"},
	{154, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0815ac514054323f44"},
	{155, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d08148c514054323f44"},
	{156, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac504054323f44"},
	{157, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac514055323f44"},
	{158, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac514056323f44"},
	{159, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac514054323f45"},
	{160, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac514054323f46"},
	{161, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac514054323f04"},
	{162, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d0814ac514054323fc4"},
	{163, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "f4409bb729039d8814ac514054323fc4"},
	{164, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "00000000000000000000000000000000"},
	{165, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "", "", "ffffffffffffffffffffffffffffffff"},
	{166, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "000102030405060708090a0b0c0d0e0f",
		"d03bcb3ca52d48d1d203b1e7b1a5995a", "28914007a6119dd3f109bba21ce9a7d6"},
	{167, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "000102030405060708090a0b0c0d0e0f",
		"d03bcb3ca52d48d1d203b1e7b1a5995a", "2b914007a6119dd3f109bba21ce9a7d6"},
	{168, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "000102030405060708090a0b0c0d0e0f",
		"d03bcb3ca52d48d1d203b1e7b1a5995a", "a9914007a6119dd3f109bba21ce9a7d6"},
	{169, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b", "000102", "000102030405060708090a0b0c0d0e0f",
		"d03bcb3ca52d48d1d203b1e7b1a5995a", "29904007a6119dd3f109bba21ce9a7d6"},
	{206, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"dc8ce708bf26aab862d97e1b42f31ef38c382cf07174142ea564920612997b1c2e38aca2438b588d54"
		"59493e97"
		"e7fa330ff9bc3b9458297ba0967d86ed090b435103478f2869b93ee29c837e95fb6b9903f3b735b734"
		"5428eb93"
		"b3db1d9b5187cebb889aa177d83e4f63fc9a5c0596eed939883d06aacdfdea44fdecdf5cb7fc",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"c296436246c3a7c4b3ba09ab2a6a0889"},
	{207, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"0001020304050607051e9373",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"931227274a89d0b3aade7fac62c96262c1e77b8dafd248f10ad37c6ccb69cb7131b041593c8bb8c3db"
		"38f39dd8"
		"a124c424fce4389dede1d3cb9d46cf95970aea9856b6e313d756197baf4fcb58df275bca8a2188f9e8"
		"a1ad0435"
		"4ede542ddc30e8b735b2f5905f5811799282be94ae842ec126c55d2e667235e9acf1d48798f0",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"99a3b0fff6fdcbcce9dc5820f2a64861"},
	{208, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"0001020304050607048c3c5f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"0df91f31230e8941e700a752fef08c897c511ed618fdf8a378a1f439013b40a48d4634c27d9ada7c0b"
		"b6f3fa92"
		"e341425903d7ecd0c49bee4c77e84b11f1c721922308642885b813fae364da32eaf120d6a43a74fb16"
		"32443667"
		"bfea6eef1be73eb1c3c0b5a57cee8dc4feed4a1fb9ae02f7b1695588c3c878451cb6ee0cb3dc",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eaff8f47ef9268fd0d94e8a9c4b78d24"},
	{209, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"1fde9b9ec8b247d42bbee2016d6715ba428a85431430eada56a2c5dc944b6aa6cef0b056a2eecc51d3"
		"0838e640"
		"615e1458e0943e30f91ba41b4362fa9ed6037b21d14da7b4f76f9f68fa8903138d563ce2590af1201c"
		"7cfec229"
		"0cfce98a822ebb8d1ed9dc4e20d241755aff91cdfd10fdb69efa0d5c8082692601cbfbb955c7",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"86ed21fda080a7d13981078d86b3e3cd"},
	{210, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"66115e67ecd3d4178c4c60e713ab4e5e66f8d1f971da17437a2b5e04fbca1671e847139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0e50354c0c1580af3662d5f8151e3f7e8264a0085c32ddfcbeb01a8be4c34d53319800ac4ef9d4"
		"e4014524"
		"bc7cd3387242e774f4d1a7a0521e42ec44844d0bd8b9d73fec959212fd7e8eacf4d984996d9b",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"34f9e0faa515eee0e784e6ef2678befa"},
	{211, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060726c6961b",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"e97244259af5a379238da0cad2a5f493655ec0e5024fd553bbb3deb66a94036d106c3d513407b2dd1c"
		"c5936c4c"
		"9c1e4f4b37b54dec261c601dc99e90680e23e2dc5c9a8d503d8bea49a8cdca3706bfd2a3daa0afb19a"
		"70fd3d35"
		"5fc37c13f3f9e5c8d0864a5f80a780b36d4698ec2ce9ccc27b97ecbe672e41628ebd773acb81",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"3c94b9fe60bdb35c6b7b73b765083492"},
	{212, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"0001020304050607013da060",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"9453aa159c3d87f17e21e88adabc37e553b904d00eefc66b8e0905e23576fbdc9c7bea9777f3b83684"
		"81932534"
		"b3344d309e6307cddfe7b3549300dd9cda7efe9d43c8a115912a392904079ee92bcd33099f7022ea94"
		"c1e7353b"
		"89bfc54de3ceb56f529a1a608bb5a970e1359609d1f56806b37f8605f4c27451da6066fc557a",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"2b11cf9f8db8490d409fc62afd7379f3"},
	{213, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060707db33de",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"2e1836640d810c2709fb83ccf1aef3a971085d1bbfb58a425abf75ccec70b3abde0e80539e83a82546"
		"e7372a19"
		"481547053308dd7842675e9c4f61302426da0d71c1da3102031030ed928152be009b15b52f71b59119"
		"91d39f68"
		"a8658d99729df2bbef31c8989f9604558df9f2aba4b3766c58aaef3548de545ec1f080225a88",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"c9c8366920f88381407712cec61e6607"},
	{214, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060702a11942",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"0ecb4d85c956b5268c9b35a8c63b4e9d3e5cb72b64ef98773841b947bd7d59ef7d0eb0e1c050d49a54"
		"24ce7deb"
		"527d76087e4746674c958965df32d9e5fb03b46501706128d481217aaeae2f78f9259273358a2954ca"
		"c0bc2fbf"
		"e77447d1d387b9314c6541b69f1270b3438b1042b2b4663e62ba4d49c07ac6f163034afa80af",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"2373cfa2ab24446ad5a236167b8027fe"},
	{215, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506073c0df637",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"2e8e45e903bfab32f2f0d49d9a3e449bef6f4093e2722cdab2cf935c1822b830fb5a4056516d560dfc"
		"8638c9a5"
		"7d2927200a56f0b67153271d498e8f08dc888c61ef634f7ae40f4608f96f92fea5a1e5bd4513112009"
		"8dc5de03"
		"78e58f2ddb46fa4aa5adb38fe006bb19b69146382f77a79e06214def547cfb5ce37a7008b9b6",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"5f93946478d8081e7247f414ad39a515"},
	{216, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112130bc672c3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"3619cb470af86dceceb6940f2d9abb34c9a9131476053387445ffebbe240d4f9818377855652f46a82"
		"19c7f71c"
		"3554f8acef8258de4b7d17c0f3d353ac981cc6a13287be1e6b41dc6d133df4ababebdf43d665ce7a4a"
		"5c982a0b"
		"139cb8202eebc74173e3224a440e4c37d2b595f384290e939ba016df0d49b36cdb4bd91c39",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"133fe62391744d11ce44594b96c53baf"},
	{217, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"000000001011121303e9b9a4",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"af205bda819f7451be0f28667d4b01b59ff2daa8173cab52046c3c9e0d989889c5e021ef7afd06e9ce"
		"6cc30e3a"
		"6ebab509134ba10d10e570c55587c13eee53e73be54804c8539ffbf23b35922b1ca37b9e9bc24ee204"
		"837ca5a2"
		"94ce05d12600c7eff6aee32270db2feff47dc5a04176169e15850628e6035f78994f9f5603",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"e3451adb9d23a7710a1aafba26f56387"},
	{218, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112130700b982",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"68c67272036fb652a0182eeb4781358e4704a4a702fd731bf3b3ea994717989e7d9104e0ae81732a8c"
		"7e9a82b3"
		"d31d541761a366b67c3396f1a6c67e293ddb65a59e42541dda144dc6c78388cfca982e23350958ac5b"
		"3d54a172"
		"2fd64733577862e1879c9e9445ebdec5315d1706db7ebbedd4c779935e72057e5b0ecde081",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"b0bb8a55ff5f52a5043c6e7795847557"},
	{219, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"0000000010111213019836bb",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"c483b7334ebe2e879b0c3f9db4fcd9f5219062360d6ce44cdae0f94e04c8345ea7e3ae33855118741d"
		"cafe0de4"
		"ae98c4e43af7b12b04ee8ab175625823ac040e5abac4403f1d45238adcb8c0cf44bd56917f9f5d9397"
		"4c82b569"
		"51986a9c0450bd9047b5a616e814526ad0580e3ecd8189c9fef2cdb979a22ad3a01930fbd1",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"f4fc25f4c5543a9afee9819e2904fb68"},
	{220, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112131d59f288",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"bc7f4f15fd1e4c1399740836670abe39a05707be19956ce169b32321759e0f213ae19ad34aa612b3a2"
		"9f02c4bb"
		"ac9f785a55a3adfe419ab891bbe0acee9921322ea21002c9dd3dcdd13a7f8554dddc10f9b529ce94be"
		"7050937d"
		"ab76557b7eb17c685aad8f0797e39d62553988989aab1d9764fe431cc1d4c595062ce93ce9",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"5e67a7b8733e0e4b01ac2178a205ae7e"},
	{221, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112130552a411",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"eaccaa778935ef249e0900149dd889462d2a061486ba102b8caebe465f3959fb3119ebb5689676ffdd"
		"6d851a26"
		"739e772b54a2f5f473ea9c7e58ccbc4cfc953e8c420b2175d9dd519265630bb79bd87a601b113231a8"
		"b16ce54c"
		"331347ec04c2b1c9160f38207aa46e96feb06dee883eb422fa14908df300bb1a1ef758c408",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"177a77fce114a4349c4f8d5ec825d06f"},
	{222, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112130c807a72",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"a76c330e015060a17e64cb7b6d753f201f75be8759fd7539fb92b22aef54c9d3029dba0c15cbf7c951"
		"35888319"
		"c6b2e6276da21e0c351fd522b29aabb5883a3291d6f427de773b124390ef6fd96621ffbc42dfbf7a34"
		"da272cbc"
		"9ccb1a498d078033d1ac3bf7e92715948b06d69d5c5039e9164ba9c3a02219ec5908206b3b",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"623c7d4424f5497aedfd1339cf8cecce"},
	{223, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112130397a143",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"228a7e15bcce13051de9145f77f7f4ff7921828b4f99efc4ff55ee0d9344955b69ec2d4798b0517f02"
		"73c4456a"
		"e5ffc5929cbe74ddb0da51d4f2b4df7578a31240c88ae922c3c5eca7b97d72d497062050a587447c56"
		"2b343d5c"
		"71921944872f9fd06b8f34b3eb5d4341f5ff8a907dd7c2e1676b81252726ba54814da51eab",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"1c18b69354b189731a1a83fe8f0d57c9"},
	{224, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"000000001011121308cb0f3f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"c7d843188ab193dfef5c4daf583f952cd4b195f240fa2e704d021723023c123371a41e87dfc6e6c387"
		"4a42f331"
		"cf035988a38c72ba2da854b1208f98bf8cc29948169481ab3a402d5fcc7ff78f9e31925576dc393807"
		"4b8c5b27"
		"960e3afc750ad686563688b7441787288d5256c1301d563b7744843bd1ab4eff5be6f1653d",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"2045815b8211b9a2995effe0b8ed9868"},
	{225, true, "9de836aa579585081f330a7c4036e20e38ef15eff3945184d231867f505fffdf",
		"00000000101112130d8fcf4e",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"cfc3db8631c81c69023a3c8a9ad66c35053685144c4fa2a9510add72e211dad9ca5b982e4c194591fd"
		"b7411628"
		"0311d1299ad81227258cb52f079bbcb12aff161d278dec33a326d71276b3de01a8327ee7f45f94179d"
		"ff18a3fe"
		"643e56c30cfd03871c8110ab00f6612b9e17a4647360d7847bb63a3122613c2e7cdddd08ae",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"1ae2ed84ea9774d78d782bf8d972a8b8"},
	{226, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"ffffffffffffffffffffffffffffffff415771fda4fbcc55c377f73203e60226",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"000102030405060708090a0b0c0d0e0f"},
	{227, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"f1ffffffffffffffffffffffffffffff615af39eddb5fcd2519190d5507d3b06",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"00000000000000000000000000000000"},
	{228, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"b5ffffffffffffffffffffffffffffff764e5d82ce7da0d44148484fd96a6107",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffff"},
	{229, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"fdffffffffffffffffffffffffffffff2bdbf16d8ea4d39dab8dcb3d4bc4e104",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"00000080000000800000008000000080"},
	{230, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"a9ffffffffffffffffffffffffffffffaccd5eb31d8fc909e84b0de7de23bb08",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"ffffff7fffffff7fffffff7fffffff7f"},
	{231, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"d2ffffffffffffffffffffffffffffffdd4b933e7b1a7ed93cc7c050db71dc03",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"01000000010000000100000001000000"},
	{232, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b",
		"ffffffffffffffffffffffffffffffffa08164425d7642e9e90fc8d5c32d2cf6",
		"e48caf8a76183327c9561a4651c07c822ccd1642c06607d0d4bc0afb4de15915dbfa3b0b422e77e15c"
		"64bf6247"
		"031f15fdb643117809821870000adf83834da5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"ffffffff000000000000000000000000"},
	{233, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"c68ce708bf26aab862d97e1b42f31ef37bb66f8090c149e452ec7f20327eb2ea2e38aca2438b588d54"
		"59493e97"
		"e7fa330ff9bc23c897df6b00af86931d6c81555103478f2869b93ee29c837e95fb6b9903f3b72debfb"
		"a2384baa"
		"48ceedfedb91",
		"e5ffffffffffffffffffffffffffffff0871bc8f1e4aa235087712d9df183609ffffffffffffffffff"
		"ffffffff"
		"ffffffffffffe7a33009ef5fc604ea0f9a75e9ffffffffffffffffffffffffffffffffffffffe7a330"
		"09ef5fc6"
		"04ea0f9a75e9",
		"3572162777262c518eef573b720e8e64"},
	{234, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40", "ffffffff",
		"40115e67ecd3d4178c4c60e713ab4e5e390ef93aeb61aa307f141323c38e0685fa47139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0e259445f4ffc31bce540190edd6ad207876a0085c32ddfcbeb01a8be4c34d5331eda1a5b61397"
		"50f973f0"
		"d4841baa2cb8",
		"d9ffffffffffffffffffffffffffffffa009d73c6544428cfac0b2d8c7bbef0bedffffffffffffffff"
		"ffffffff"
		"ffffff8a5ef60715bc4b07c92b9707376da105edffffffffffffffffffffffffffffff8a5ef60715bc"
		"4b07c92b"
		"9707376da105",
		"19532d9fa0b5fbd582aaeda830602f1d"},
	{235, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"19de9b9ec8b247d42bbee2016d6715babc286fd979807951b183a188930ad15edcf0b056a2eecc51d3"
		"0838e640"
		"615e14890e659fd3028c904e65018fdfd6038333d14da7b4f76f9f68fa8903138d563c33b7fb50c3e7"
		"ebca970f"
		"6f89a88a82d6",
		"f9ffffffffffffffffffffffffffffff015d1565924f6c7418de9babf8be4407edffffffffffffffff"
		"ffffffff"
		"ffffff2e110e5e1c0468cbaad99c8abeffff07edffffffffffffffffffffffffffffff2e110e5e1c04"
		"68cbaad9"
		"9c8abeffff07",
		"47e5d4294239db73b836c04070ff5b2d"},
	{236, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"c78ce708bf26aab862d97e1b42f31ef376209eef141691fba5d10eaf581affe62e38aca2438b588d54"
		"59493e97"
		"e7fa330e73d2dc3bbd954989cb8433b7d6597b5103478f2869b93ee29c837e95fb6b990279d9d218d1"
		"e81ac2ce"
		"4a6e474403bf",
		"e4ffffffffffffffffffffffffffffff05e74de09a9d7a2aff4a6356b57c7b05ffffffffffffffffff"
		"ffffffff"
		"fffffffe759118501a43cdd6a2064aa520adc7fffffffffffffffffffffffffffffffffe759118501a"
		"43cdd6a2"
		"064aa520adc7",
		"347216375f5b7b5c4e6bff4912fd9473"},
	{237, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40", "ffffffff",
		"49115e67ecd3d4178c4c60e713ab4e5ee02b87aeae8c3da8895f8cb0f6b9cc80f447139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0ecc4b7b803a5f8f4647df169080fe567a78a0085c32ddfcbeb01a8be4c34d5331047e9bc2d60b"
		"c471602e"
		"52f94df95aba",
		"d0ffffffffffffffffffffffffffffff792ca9a820a9d5140c8b2d4bf28c250ee3ffffffffffffffff"
		"ffffffff"
		"ffffff6381c873d020df8fdaf5117a613ed707e3ffffffffffffffffffffffffffffff6381c873d020"
		"df8fdaf5"
		"117a613ed707",
		"adbd2cafc8c8f0e51250e7b81c9d0a2d"},
	{238, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"1fde9b9ec8b247d42bbee2016d6715ba839f811ad0310c77052f45320b0d9560c4f0b056a2eecc51d3"
		"0838e640"
		"615e1470d6b14fd209fedf261fd1d250d3478d2bd14da7b4f76f9f68fa8903138d563cca6f2f80c2ec"
		"9985ff75"
		"bfd4278fc6d8",
		"ffffffffffffffffffffffffffffffff3eeafba63bfe1952ac727f1160b90039f5ffffffffffffffff"
		"ffffffff"
		"ffffffd7c9da8e1d0f1a84c2a34cd731fabb09f5ffffffffffffffffffffffffffffffd7c9da8e1d0f"
		"1a84c2a3"
		"4cd731fabb09",
		"232c882f7a1a2f808ccf26496cff5b3d"},
	{239, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"fc8ce708bf26aab862d97e1b42f31ef38b79403dfaabc0d8c18d23a3469c13e62e38aca2438b588d54"
		"59493e97"
		"e7fa330a4b941e6b66fcc2ed7d8cb3e8cc7ffc5103478f2869b93ee29c837e95fb6b9906419f10480a"
		"8191a678"
		"42ee185e2538",
		"dffffffffffffffffffffffffffffffff8be933274202b099b164e5aabfa9705ffffffffffffffffff"
		"ffffffff"
		"fffffffa4dd7da00c12a46b2140ecafa3a8b40fffffffffffffffffffffffffffffffffa4dd7da00c1"
		"2a46b214"
		"0ecafa3a8b40",
		"30721677ff2eb8894e5a9d8492b7b0af"},
	{240, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"fa8ce708bf26aab862d97e1b42f31ef39bcbb8da477d580d772de4229bba7de22938aca2438b588d54"
		"59493e97"
		"e7fa331e9dedf9dd64a0681bac2969549425bc5603478f2869b93ee29c837e95fb6b991297e6f7fe08"
		"dd3b50a9"
		"e734a4067f78",
		"d9ffffffffffffffffffffffffffffffe80c6bd5c9f6b3dc2db689db76dcf901f8ffffffffffffffff"
		"ffffffff"
		"ffffffee9bae3db6c376ec44c5ab104662d100f8ffffffffffffffffffffffffffffffee9bae3db6c3"
		"76ec44c5"
		"ab104662d100",
		"2b7216c7873744c20ec5e2cdb260d3fa"},
	{241, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40", "ffffffff",
		"66115e67ecd3d4178c4c60e713ab4e5e891b797521ba925b24090aaf6c4482bae847139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0e6d50c32d05a946cb8cea57c9f1442cb164a0085c32ddfcbeb01a8be4c34d5331a565236fe9fd"
		"0dfcab1b"
		"13a03c432071",
		"ffffffffffffffffffffffffffffffff101c5773af9f7ae7a1ddab5468716b34ffffffffffffffffff"
		"ffffffff"
		"ffffffc29a70deefd6160211c050231084adccffffffffffffffffffffffffffffffffc29a70deefd6"
		"160211c0"
		"50231084adcc",
		"e17c273f31758e752322ae4869c1bfbb"},
	{242, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"ee8ce708bf26aab862d97e1b42f31ef3b9f55bd56e0fd74b46063a96354cfbee3238aca2438b588d54"
		"59493e97"
		"e7fa3320c78886a6f6292d6cc5fbddb546a2b04d03478f2869b93ee29c837e95fb6b992ccd8388859a"
		"547e27c0"
		"358045d4f874",
		"cdffffffffffffffffffffffffffffffca3288dae0843c9a1c9d576fd82a7f0de3ffffffffffffffff"
		"ffffffff"
		"ffffffd0c1cb42cd51ffa933ac79a4a7b0560ce3ffffffffffffffffffffffffffffffd0c1cb42cd51"
		"ffa933ac"
		"79a4a7b0560c",
		"22721657b0130d28cf1ec65153c41182"},
	{243, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"ef8ce708bf26aab862d97e1b42f31ef3b46fca24d353ff5e49eac51540e840ea3038aca2438b588d54"
		"59493e97"
		"e7fa333d311e572202011a75e948586fe268b44f03478f2869b93ee29c837e95fb6b99313b1559016e"
		"7c493eec"
		"86059f703270",
		"ccffffffffffffffffffffffffffffffc7a8192b5dd8148f1371a8ecad8ec409e1ffffffffffffffff"
		"ffffffff"
		"ffffffcd375d9349a5d79e2a80ca217d149c08e1ffffffffffffffffffffffffffffffcd375d9349a5"
		"d79e2a80"
		"ca217d149c08",
		"2172166798485c338f9a6d60f3b21891"},
	{244, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f59d56151de28bef83505f6d89c0b0f7f75b2fa8e6dce386075db283ec85ee62555baffad423af25f6"
		"6069bb69"
		"fb6f4d",
		"d6ee4ee25d3bdea81e76de8934cc51fb849cfca7685708575dc6df7a01e36a81849cfca7685708575d"
		"c6df7a01"
		"e36a81",
		"831312cbb0f165dc3e8ff52125f48640"},
	{245, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f717f8d5b28032d5c8e8061cd44d71e4f2d55de772fe7a91ce85e410db3e2d8d50d5ddb5400136323f"
		"b83f285e"
		"40aca2",
		"d464e022f259679255ce87f8694190e881128ee8fc759140941e89e93658a96e81128ee8fc75914094"
		"1e89e936"
		"58a96e",
		"821312db9826b5e7fe0a9d30c5e28d4f"},
	{246, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f28ce708bf26aab862d97e1b42f31ef3e68a922c9219d30f07554d7d99f2bde92c38aca2438b588d54"
		"59493e97"
		"e7fa33e24c07dd98f9b253ab0c318d9b14f6b15303478f2869b93ee29c837e95fb6b99ee460cd3bb95"
		"cf00e009"
		"ffd06b86ac75",
		"d1ffffffffffffffffffffffffffffff954d41231c9238de5dce20847494390afdffffffffffffffff"
		"ffffffff"
		"ffffff124a4419f35e64d7f465b3f489e2020dfdffffffffffffffffffffffffffffff124a4419f35e"
		"64d7f465"
		"b3f489e2020d",
		"c1045769d487d545cef3f0d34b7a8733"},
	{247, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"1fde9b9ec8b247d42bbee2016d6715badf0599194b0ce890cc1d8eb383b57f38dcf0b056a2eecc51d3"
		"0838e640"
		"615e1435df81077d068077ce805ea592f6f88833d14da7b4f76f9f68fa8903138d563c8f661fc86de3"
		"e72d17ea"
		"30a3e5aa79dd",
		"ffffffffffffffffffffffffffffffff6270e3a5a0c3fdb56540b490e801ea61edffffffffffffffff"
		"ffffffff"
		"ffffff92c0eac6b200642c2a3cc3a0f3df040cedffffffffffffffffffffffffffffff92c0eac6b200"
		"642c2a3c"
		"c3a0f3df040c",
		"6cf2f9230af8679e7ecb19421362fce3"},
	{248, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"dc8ce708bf26aab862d97e1b42f31ef32e6784d857df07543d0dc72f179935fbede8c8baf01ee2044b"
		"162cbb34"
		"3b355acc29d82327cd93f2bfd918034ed5c42a",
		"ffffffffffffffffffffffffffffffff5da057d7d954ec856796aad6faffb1183c2f9be74c6a4576e0"
		"b09a7a5c"
		"2330963c2f9be74c6a4576e0b09a7a5c233096",
		"64e7efd24516a83e2c87e06a76e2dea3"},
	{249, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f78ce708bf26aab862d97e1b42f31ef34c6ead26f84a0225d557745d32fc72e72c38aca2438b588d54"
		"59493e97"
		"e7fa3364db334b69bee579383e61ae742c71bb5303478f2869b93ee29c837e95fb6b9968d138454ad2"
		"982a733b"
		"aff384be2b7f",
		"d4ffffffffffffffffffffffffffffff3fa97e2976c1e9f48fcc19a4df9af604fdffffffffffffffff"
		"ffffffff"
		"ffffff94dd708f021933fd6757e3d766da8507fdffffffffffffffffffffffffffffff94dd708f0219"
		"33fd6757"
		"e3d766da8507",
		"e6cc6729d79ba558cd73b03cba54d660"},
	{250, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"12de9b9ec8b247d42bbee2016d6715ba327f3a1befb4287c17450391ed0eb854d6f0b056a2eecc51d3"
		"0838e640"
		"615e141460d3545c29ddc790711b8e7533698539d14da7b4f76f9f68fa8903138d563caed94d9b4ccc"
		"ba9d491b"
		"7588026fe8d0",
		"f2ffffffffffffffffffffffffffffff8f0a40a7047b3d59be1839b286ba2d0de7ffffffffffffffff"
		"ffffffff"
		"ffffffb37fb895932f399c74cd868b141a9501e7ffffffffffffffffffffffffffffffb37fb895932f"
		"399c74cd"
		"868b141a9501",
		"74dda12e0558877bc0e40c3eace0af29"},
	{251, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f08ce708bf26aab862d97e1b42f31ef34fd8c3757c9f2938dc3b07d85898bfe22a38aca2438b588d54"
		"59493e97"
		"e7fa336155412415cbdd760142b62c2ec83fbf5503478f2869b93ee29c837e95fb6b996d5f4a2a36a7"
		"a0254a47"
		"7871de5a657b",
		"d3ffffffffffffffffffffffffffffff3c1f107af214c2e986a06a21b5fe3b01fbffffffffffffffff"
		"ffffffff"
		"ffffff915302e07e6c0bf25e2b34553c3ecb03fbffffffffffffffffffffffffffffff915302e07e6c"
		"0bf25e2b"
		"34553c3ecb03",
		"e5cc6739bfd0f4638def574b5a43dd6f"},
	{252, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"1bde9b9ec8b247d42bbee2016d6715ba85b67664ee49fa347fbfd2dd92007c57def0b056a2eecc51d3"
		"0838e640"
		"615e14fb27ee075b3c0f0f682babdde63dad8731d14da7b4f76f9f68fa8903138d563c419e70c84bd9"
		"6855b141"
		"c5db91612cd2",
		"fbffffffffffffffffffffffffffffff38c30cd80586ef11d6e2e8fef9b4e90eefffffffffffffffff"
		"ffffffff"
		"ffffff5c3885c6943aeb548c9736d887145103efffffffffffffffffffffffffffffff5c3885c6943a"
		"eb548c97"
		"36d887145103",
		"502455343d39db87947d7346a8e0af39"},
	{253, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f28ce708bf26aab862d97e1b42f31ef3df03ca84082f7f70ad8e4004cabd2ce42b38aca2438b588d54"
		"59493e97"
		"e7fa3328fd413caab1d02bf1c65753aa2ad3b95403478f2869b93ee29c837e95fb6b9924f74a3289dd"
		"ad78bac3"
		"990e5ab8897d",
		"d1ffffffffffffffffffffffffffffffacc4198b86a494a1f7152dfd27dba807faffffffffffffffff"
		"ffffffff"
		"ffffffd8fb02f8c11606afaeafd52ab8dc2705faffffffffffffffffffffffffffffffd8fb02f8c116"
		"06afaeaf"
		"d52ab8dc2705",
		"0fca702228817d53ee64d142b192e665"},
	{254, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f38ce708bf26aab862d97e1b42f31ef31ffc31ae69399394b8c338674c3dfde92938aca2438b588d54"
		"59493e97"
		"e7fa33477ec8cf3ea3d4d5d76d85ad2b7f0bb85603478f2869b93ee29c837e95fb6b994b74c3c11dcf"
		"a9869c68"
		"4bf0dbed517c",
		"d0ffffffffffffffffffffffffffffff6c3be2a1e7b27845e258559ea15b790af8ffffffffffffffff"
		"ffffffff"
		"ffffffb7788b0b55040251880407d43989ff04f8ffffffffffffffffffffffffffffffb7788b0b5504"
		"02518804"
		"07d43989ff04",
		"efc3b035ded6b460bfce6f494955e677"},
	{255, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40", "ffffffff",
		"4f115e67ecd3d4178c4c60e713ab4e5e4156269fe3da101eeb0abf8dda20fe8fff47139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0e6aece983e64f97e43ff5295bc884fa7773a0085c32ddfcbeb01a8be4c34d5331a2d909c10a1b"
		"dcd31804"
		"6d320583f6b7",
		"d6ffffffffffffffffffffffffffffffd85108996dfff8a26ede1e76de151701e8ffffffffffffffff"
		"ffffffff"
		"ffffffc5265a700c30c72da2df2eb129447b0ae8ffffffffffffffffffffffffffffffc5265a700c30"
		"c72da2df"
		"2eb129447b0a",
		"3ea8f9b2012321e63d5fb5bc2c5d332d"},
	{256, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"1fde9b9ec8b247d42bbee2016d6715baf999461058f6d7733e5cd0d1639d9025cbf0b056a2eecc51d3"
		"0838e640"
		"615e14520a0da50439db00e289e1791342068e24d14da7b4f76f9f68fa8903138d563ce8b3936a14dc"
		"bc5a3be3"
		"8f7f641e87db",
		"ffffffffffffffffffffffffffffffff44ec3cacb339c2569701eaf20829057cfaffffffffffffffff"
		"ffffffff"
		"fffffff5156664cb3f3f5b06357c7c726bfa0afafffffffffffffffffffffffffffffff5156664cb3f"
		"3f5b0635"
		"7c7c726bfa0a",
		"bf7fbd422cbf0e700fd1605be8fd212f"},
	{257, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"2bfd0d56ece98771756d60d9d9106cd0c6fc106936c7ef347c078fd71c54228164fc903b0438a3978d"
		"3a54ef99"
		"2aa3ae",
		"088e15a1ac30d236e84be13d641c8ddcb53bc366b84c04e5269ce22ef132a662b53bc366b84c04e526"
		"9ce22ef1"
		"32a662",
		"345fc9fe573c136c1be83730500ce662"},
	{258, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f68ce708bf26aab862d97e1b42f31ef37cc2255decdf8e0fe1373591da0e28e42838aca2438b588d54"
		"59493e97"
		"e7fa33e291fb4838019c51dfb7141515bb53b15703478f2869b93ee29c837e95fb6b99ee9bf0461b6d"
		"e10294b2"
		"da48e5290975",
		"d5ffffffffffffffffffffffffffffff0f05f652625465debbac58683768ac07f9ffffffffffffffff"
		"ffffffff"
		"ffffff1297b88c53a64ad580de966c074da70df9ffffffffffffffffffffffffffffff1297b88c53a6"
		"4ad580de"
		"966c074da70d",
		"336f97a5faa995a2a03781b591588da8"},
	{259, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"c68ce708bf26aab862d97e1b42f31ef37ab66f8090c149e452ec7f20327eb2ea0438aca2438b588d54"
		"59493e97"
		"e7fa338d2613ea0ef8b656b247373ecec015bc7b03478f2869b93ee29c837e95fb6b99812c18e42d94"
		"cb05f942"
		"f9633e524f78",
		"e5ffffffffffffffffffffffffffffff0971bc8f1e4aa235087712d9df183609d5ffffffffffffffff"
		"ffffffff"
		"ffffff7d20502e655f60d2ed2eb547dc36e100d5ffffffffffffffffffffffffffffff7d20502e655f"
		"60d2ed2e"
		"b547dc36e100",
		"9351c680c8a5d34882d42145e89745c4"},
	{260, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"c68ce708bf26aab862d97e1b42f31ef374b66f8090c149e452ec7f20327eb2ea2e38aca2438b588d54"
		"59493e97"
		"e7fa33acd9ec859e0866620cc24c8a97d5d9f55103478f2869b93ee29c837e95fb6b99a0d3e78bbd64"
		"1b3147c7"
		"82d767478331",
		"e5ffffffffffffffffffffffffffffff0771bc8f1e4aa235087712d9df183609ffffffffffffffffff"
		"ffffffff"
		"ffffff5cdfaf41f5afb0e653abcef385232d49ffffffffffffffffffffffffffffffff5cdfaf41f5af"
		"b0e653ab"
		"cef385232d49",
		"d79266cd25a784599a0a8e31fc84d604"},
	{261, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f78ce708bf26aab862d97e1b42f31ef34251cd29b0aaa960557c9ea2828334e4e4e231db0a27fac9ec"
		"9e744886"
		"eb0133c5232142ddf48b3f185140f0fc05f043",
		"d4ffffffffffffffffffffffffffffff31961e263e2142b10fe7f35b6fe5b00735256286b6535dbb47"
		"38c289ee"
		"f304ff35256286b6535dbb4738c289eef304ff",
		"9d671d407d7660459d5d582d83915efe"},
	{262, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"f58ce708bf26aab862d97e1b42f31ef373bd9f01bf3331b12e31dd14cf11feee1d38aca2438b588d54"
		"59493e97"
		"e7fa33625c6965f61a1c36118c747076d5b7b76203478f2869b93ee29c837e95fb6b996e56626bd576"
		"61655a89"
		"ba2d8647ed73",
		"d6ffffffffffffffffffffffffffffff007a4c0e31b8da6074aab0ed22777a0dccffffffffffffffff"
		"ffffffff"
		"ffffff925a2aa19dbdcab24ee5f6096423430bccffffffffffffffffffffffffffffff925a2aa19dbd"
		"cab24ee5"
		"f6096423430b",
		"7b207c2c3278c64f0d6b913fe371fe63"},
	{263, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"1fde9b9ec8b247d42bbee2016d6715bad64add2aa3c5a30a31d9e65e90f93ad1cbf0b056a2eecc51d3"
		"0838e640"
		"615e14de9aeab86144d5464811b2373ba4cc8324d14da7b4f76f9f68fa8903138d563c6423747771a1"
		"b21c917b"
		"dc314cf84dd6",
		"ffffffffffffffffffffffffffffffff6b3fa796480ab62f9884dc7dfb4daf88faffffffffffffffff"
		"ffffffff"
		"ffffff79858179ae42311dacad2f325a8d3007faffffffffffffffffffffffffffffff79858179ae42"
		"311dacad"
		"2f325a8d3007",
		"62630c18de8c10876adb9f30f300963f"},
	{264, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"dc8ce708bf26aab862d97e1b42f31ef3ec0933f0bfb91218cea0d74e061f559e2d38aca2438b588d54"
		"59493e97"
		"e7fa338d5b67e0acee534ce2d9791487b1ecb25203478f2869b93ee29c837e95fb6b9981516cee8f82"
		"2e1fa9dc"
		"b7497723b676",
		"ffffffffffffffffffffffffffffffff9fcee0ff3132f9c9943bbab7eb79d17dfcffffffffffffffff"
		"ffffffff"
		"ffffff7d5d2424c74985c8bdb0fb6d9547180efcffffffffffffffffffffffffffffff7d5d2424c749"
		"85c8bdb0"
		"fb6d9547180e",
		"3672162bb1f3ff537ece013f1aca4f68"},
	{265, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"1fde9b9ec8b247d42bbee2016d6715bacc3492272b8a4b112a4e7d7ccf092692cef0b056a2eecc51d3"
		"0838e640"
		"615e1430ce678e9375b2af0b82c2d2fbd7928c21d14da7b4f76f9f68fa8903138d563c8a77f9418390"
		"d5f5d2e8"
		"acd48c8b13d9",
		"ffffffffffffffffffffffffffffffff7141e89bc0455e348313475fa4bdb3cbffffffffffffffffff"
		"ffffffff"
		"ffffff97d10c4f5c7356f4ef3e5fd79afe6e08ffffffffffffffffffffffffffffffff97d10c4f5c73"
		"56f4ef3e"
		"5fd79afe6e08",
		"feb6412b9031f076eddcd9426fff5b31"},
	{266, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"dc8ce708bf26aab862d97e1b42f31ef3ee83a14f48db696291080edfcc898b882b38aca2438b588d54"
		"59493e97"
		"e7fa338ad5f6b0283a8b39ebedce92785da9b65403478f2869b93ee29c837e95fb6b9986dffdbe0b56"
		"f66aa0e8"
		"00cf88cff372",
		"ffffffffffffffffffffffffffffffff9d447240c65082b3cb93632621ef0f6bfaffffffffffffffff"
		"ffffffff"
		"ffffff7ad3b574439d5dbdb4844ceb6aab5d0afaffffffffffffffffffffffffffffff7ad3b574439d"
		"5dbdb484"
		"4ceb6aab5d0a",
		"3572163b99284f5f3e4aa94dbab85677"},
	{267, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060703e76f6f", "ffffffff",
		"34de9b9ec8b247d42bbee2016d6715ba722b6549c9df0f4b04b5f7432203fa54cef0b056a2eecc51d3"
		"0838e640"
		"615e1487de186cd28e43544c73de628fd1d60e21d14da7b4f76f9f68fa8903138d563c3d6786a3c26b"
		"240e9519"
		"b064f88d575b",
		"d4ffffffffffffffffffffffffffffffcf5e1ff522101a6eade8cd6049b76f0dffffffffffffffffff"
		"ffffffff"
		"ffffff20c173ad1d88a70fa8cf4367eef82a8affffffffffffffffffffffffffffffff20c173ad1d88"
		"a70fa8cf"
		"4367eef82a8a",
		"dafdf430c8124483c175404b6bff5b41"},
	{268, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"dc8ce708bf26aab862d97e1b42f31ef3e87dd08ed4e4e04c5877616cbb02cabb2938aca2438b588d54"
		"59493e97"
		"e7fa33874f0401d457e336f4311f1152f957ba5603478f2869b93ee29c837e95fb6b998b450f0ff73b"
		"9e65bf34"
		"d14ca26b0d7e",
		"ffffffffffffffffffffffffffffffff9bba03815a6f0b9d02ec0c9556644e58f8ffffffffffffffff"
		"ffffffff"
		"ffffff774947c5bff035b2ab589d68400fa306f8ffffffffffffffffffffffffffffff774947c5bff0"
		"35b2ab58"
		"9d68400fa306",
		"3472164b815d9e6afec5505c5aa75d86"},
	{269, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40", "ffffffff",
		"4c115e67ecd3d4178c4c60e713ab4e5ebb5357ed314ad740b9910fad6f01d781f047139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0ec8042b414fdd1bba3a6c936b7ed678797ca0085c32ddfcbeb01a8be4c34d53310031cb03a389"
		"508d1d9d"
		"d702b3d174b9",
		"d5ffffffffffffffffffffffffffffff225479ebbf6f3ffc3c45ae566b343e0fe7ffffffffffffffff"
		"ffffffff"
		"ffffff67ce98b2a5a24b73a74694819f16f904e7ffffffffffffffffffffffffffffff67ce98b2a5a2"
		"4b73a746"
		"94819f16f904",
		"e6022cc3ba20e3f9065fdfcc43a9dc40"},
	{270, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"c88ce708bf26aab862d97e1b42f31ef36be436e346f8f2b32f4cbbaef95150ef0438aca2438b588d54"
		"59493e97"
		"e7fa332fb76b5132e930f6d0acf70875e977b57b03478f2869b93ee29c837e95fb6b9923bd605f1185"
		"4da59ba9"
		"3955857b2d71",
		"ebffffffffffffffffffffffffffffff1823e5ecc873196275d7d6571437d40cd5ffffffffffffffff"
		"ffffffff"
		"ffffffdfb12895594ee6728fc57571671f8309d5ffffffffffffffffffffffffffffffdfb12895594e"
		"e6728fc5"
		"7571671f8309",
		"3a7216d7ee1da018ce8412f251656b19"},
	{271, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00010203040506072dd4cd40", "ffffffff",
		"66115e67ecd3d4178c4c60e713ab4e5ef64296975af7fced168181f76c6508e1c947139a5f4e3f8e92"
		"d7a3b71e"
		"b4ff0e4975060f7ddef4a098699333b30fbf7c45a0085c32ddfcbeb01a8be4c34d53318140e64d918a"
		"bf97bf98"
		"d75a7e08b3bc",
		"ffffffffffffffffffffffffffffffff6f45b891d4d214519355200c6850e16fdeffffffffffffffff"
		"ffffffff"
		"ffffffe6bfb5fc97a1a469054394d952cf3e01deffffffffffffffffffffffffffffffe6bfb5fc97a1"
		"a4690543"
		"94d952cf3e01",
		"353e304fd8553286b26e0d59942fe7cd"},
	{272, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060710abb165", "ffffffff",
		"c58ce708bf26aab862d97e1b42f31ef3783cf9302c7d22914b38aca2e7d374ef1d38aca2438b588d54"
		"59493e97"
		"e7fa33228f2d23597640d574f8e20c4f6b6bb56203478f2869b93ee29c837e95fb6b992e85262d7a1a"
		"3d863ffd"
		"2c51bff93171",
		"e6ffffffffffffffffffffffffffffff0bfb2a3fa2f6c94011a3c15b0ab5f00cccffffffffffffffff"
		"ffffffff"
		"ffffffd2896ee732d196512b9160755d9d9f09ccffffffffffffffffffffffffffffffd2896ee732d1"
		"96512b91"
		"60755d9d9f09",
		"367216178ff1dc45ce73b02cd21f8755"},
};

static const struct wycheproof_aead wycheproof_xchacha20[] = {
	{1, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"404142434445464748494a4b4c4d4e4f5051525354555657", "50515253c0c1c2c3c4c5c6c7",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a"
		"20496620"
		"4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675"
		"74757265"
		"2c2073756e73637265656e20776f756c642062652069742e",
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440b"
		"f3a82f4e"
		"da7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369"
		"488f76b2"
		"383565d3fff921f9664c97637da9768812f615c68b13b52e",
		"c0875924c1c7987947deafd8780acf49"},
	{2, true, "ab1562faea9f47af3ae1c3d6d030e3af230255dff3df583ced6fbbcbf9d606a9",
		"6a5e0c4617e07091b605a4de2c02dde117de2ebd53b23497", "", "", "",
		"e2697ea6877aba39d9555a00e14db041"},
	{3, true, "d821dce9b890ea37ae1c89e7cb6aeae9371b8179add0d08f5494718322ae0071",
		"3ec3f7c45e687d75a895bf5e71809e7cdac32158bb48ec0d", "8780fb400f94c55d", "", "",
		"966c22d655b9e56326024f028cf887ad"},
	{4, true, "303ccb2e1567c3d9f629a5c632dbc62a9a82c525674f67988b31bd1dee990538",
		"05188738844ab90a8b11beef38eaec3e100d8f4f85ae7a41", "", "62", "45",
		"d15734f984d749fa3f0550a70c43dddf"},
	{5, true, "697c197c9e0023c8eee42ddf08c12c46718a436561b0c66d998c81879f7cb74c",
		"cd78f4533c94648feacd5aef0291b00b454ee3dcdb76dcc8", "6384f4714ff18c18", "e1", "b0",
		"e5e35f5332f91bdd2d28e59d68a0b141"},
	{6, true, "c11213bcff39a88b0e3ecc47b23acf6c3014e4708d80dcca162da7377b316ab3",
		"b60ca1ab736deebe4d9da78bc7cbbab91be14a2f884240b7", "", "57f9", "5e03",
		"eed21c2cd3f395538d677602964ed578"},
	{7, true, "b0f51b8227013464943370e926b6ed1c9fb45b5994af829ff3a9f998b77d822c",
		"4fd76cbf27cb387502a706461564e5a5c14e027d40bc6eef", "322f82a87ee82997", "ab8c",
		"b56a", "edcafa2c9032aff695e427fc2a344767"},
	{8, true, "17afb080753f2aa0af0a7f4821f6ab2709a6b2b5b9f2f262910e3b27b82c6c1c",
		"737e3e7699f788c4136938c0f65310684eacbb5f96ecd98d", "", "2af96a", "31a461",
		"2b745098b154bb90903b0240c3bc95e9"},
	{9, true, "b720aea3df85fb3fb00583eddbebc5c545bcdcb7f6f2a94c1087950e16d68278",
		"1436f36466fce5db337a73ec18e269e6e985d91035128183", "9d53316bd2aa3e3d", "4799c4",
		"d41c02", "8faa889d7f189cd9473e19200ef03920"},
	{122, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"00000000000000000000000000000000",
		"60e28a8f89adf230daab792c94dfebe766eda542d7c092d97ccb7501486fc6a3",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"52ca5edfb3c4fca83d5776154188a08d"},
	{123, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"00000000000000000000000000000000",
		"60e28a8f89adf230daab792c94dfebe766eda542d7c092d97ccb7501486fc6a31ec9568c72a762296f"
		"76685b29"
		"a5f903cb0198722ad071bde29b48a62d367f3b",
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000"
		"00000000000000000000000000000000000000",
		"a7c21e96322a7f8c453961640791f3e6"},
	{124, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"00000000000000000000000000000000",
		"60e28a8f89adf230daab792c94dfebe766eda542d7c092d97ccb7501486fc6a31ec9568c72a762296f"
		"76685b29"
		"a5f903cb0198722ad071bde29b48a62d367f3b1e90919140f50187df7df42caa37287538c16d481265"
		"de62bbf9"
		"8c235d595c824575acd33c51e271f13844673cb5dafd249dbd394b866c34aecd42c57f2630e5",
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000"
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000"
		"0000000000000000000000000000000000000000000000000000000000000000000000000000",
		"70b88b3bf88b8f11f7513545b8dbfa63"},
	{125, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"ffffffffffffffffffffffffffffffff",
		"9f1d757076520dcf255486d36b20141899125abd283f6d2683348afeb790395c",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"c29cd2ef4874d93267c935cd9ffd34f1"},
	{126, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"ffffffffffffffffffffffffffffffff",
		"9f1d757076520dcf255486d36b20141899125abd283f6d2683348afeb790395ce136a9738d589dd690"
		"8997a4d6"
		"5a06fc34fe678dd52f8e421d64b759d2c980c4",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"02add84dfa902f0d4a11d3bdc096417e"},
	{127, true, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"ffffffffffffffffffffffffffffffff",
		"9f1d757076520dcf255486d36b20141899125abd283f6d2683348afeb790395ce136a9738d589dd690"
		"8997a4d6"
		"5a06fc34fe678dd52f8e421d64b759d2c980c4e16f6e6ebf0afe7820820bd355c8d78ac73e92b7ed9a"
		"219d4406"
		"73dca2a6a37dba8a532cc3ae1d8e0ec7bb98c34a2502db6242c6b47993cb5132bd3a80d9cf1a",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"82a067b3b3e51cd9d139a5222ea70258"},
	{146, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0418b3e73e52c3be2eaba76807b784e1"},
	{147, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0718b3e73e52c3be2eaba76807b784e1"},
	{148, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"8518b3e73e52c3be2eaba76807b784e1"},
	{149, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0519b3e73e52c3be2eaba76807b784e1"},
	{150, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0518b3673e52c3be2eaba76807b784e1"},
	{151, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0518b3e73f52c3be2eaba76807b784e1"},
	{152, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0518b3e73c52c3be2eaba76807b784e1"},
	{153, false, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
		"000102030405060708090a0b0c0d0e0f1011121314151617", "000102", "", "",
		"0518b3e73e52c33e2eaba76807b784e1"},
	{206, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f101112133e8775b2",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"7ee395bd21ada42ed12310d34918a28e596a49ee7a22f623d756b896663f68733e6c71a344f4726ac2"
		"4e330679"
		"f25e492be08603aaa23f1e88c10299047c8e585983332a8b6eadcd9b6061b63fe3b58a2021b38c7cf3"
		"79fe9a9f"
		"6d114f3cfe422f91af78c6fd87d4269af0e3e471abed457ae75c027e134c96cf4d9a4a646288",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"4921f7c24a2d42f4da7ad9d45e8ec26c"},
	{207, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f1011121303e9b9a4",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"af205bda819f7451be0f28667d4b01b59ff2daa8173cab52046c3c9e0d989889c5e021ef7afd06e9ce"
		"6cc30e3a"
		"6ebab509134ba10d10e570c55587c13eee53e73be54804c8539ffbf23b35922b1ca37b9e9bc24ee204"
		"837ca5a2"
		"94ce05d12600c7eff6aee32270db2feff47dc5a04176169e15850628e6035f78994f9f56035c",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"b86b0a8e9427af3516950efc81d935d5"},
	{208, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f101112130700b982",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"68c67272036fb652a0182eeb4781358e4704a4a702fd731bf3b3ea994717989e7d9104e0ae81732a8c"
		"7e9a82b3"
		"d31d541761a366b67c3396f1a6c67e293ddb65a59e42541dda144dc6c78388cfca982e23350958ac5b"
		"3d54a172"
		"2fd64733577862e1879c9e9445ebdec5315d1706db7ebbedd4c779935e72057e5b0ecde0814d",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"3661dc6ddd1852221050ff5b8d58c13f"},
	{209, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f10111213019836bb",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"c483b7334ebe2e879b0c3f9db4fcd9f5219062360d6ce44cdae0f94e04c8345ea7e3ae33855118741d"
		"cafe0de4"
		"ae98c4e43af7b12b04ee8ab175625823ac040e5abac4403f1d45238adcb8c0cf44bd56917f9f5d9397"
		"4c82b569"
		"51986a9c0450bd9047b5a616e814526ad0580e3ecd8189c9fef2cdb979a22ad3a01930fbd15e",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"02c70e4defe897a47a65063a468db630"},
	{210, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f101112133f1a8eb1",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"85e40e2106db6aba0fb236d3c980a72e58ce538db7aa3b0326a23d52175c7465c454d8206b4d8aedd5"
		"1d8cc474"
		"24f6124d2586370f4eb51153d215e48347abf8791a6d6d3da4871ab2c0fe5718878c3942365fc75887"
		"e6ea6e77"
		"9911f883fe90b6c0e5870769a860cf619f91c7eeaad69212325404ec4de4d3ab5e7aa89537a4",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ecccb94178b76a769c91c27d921fcc6c"},
	{211, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f101112130552a411",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"eaccaa778935ef249e0900149dd889462d2a061486ba102b8caebe465f3959fb3119ebb5689676ffdd"
		"6d851a26"
		"739e772b54a2f5f473ea9c7e58ccbc4cfc953e8c420b2175d9dd519265630bb79bd87a601b113231a8"
		"b16ce54c"
		"331347ec04c2b1c9160f38207aa46e96feb06dee883eb422fa14908df300bb1a1ef758c408f5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"f00ee0097d7dffbd3e4b216c45da89ef"},
	{212, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f101112130c807a72",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"a76c330e015060a17e64cb7b6d753f201f75be8759fd7539fb92b22aef54c9d3029dba0c15cbf7c951"
		"35888319"
		"c6b2e6276da21e0c351fd522b29aabb5883a3291d6f427de773b124390ef6fd96621ffbc42dfbf7a34"
		"da272cbc"
		"9ccb1a498d078033d1ac3bf7e92715948b06d69d5c5039e9164ba9c3a02219ec5908206b3bd2",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"8691693787763ec6c7bf957658b51370"},
	{213, true, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
		"000102030405060708090a0b0c0d0e0f101112130397a143",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"228a7e15bcce13051de9145f77f7f4ff7921828b4f99efc4ff55ee0d9344955b69ec2d4798b0517f02"
		"73c4456a"
		"e5ffc5929cbe74ddb0da51d4f2b4df7578a31240c88ae922c3c5eca7b97d72d497062050a587447c56"
		"2b343d5c"
		"71921944872f9fd06b8f34b3eb5d4341f5ff8a907dd7c2e1676b81252726ba54814da51eab8c",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"7fc8d4bb91c543b9bf5dbf1e7277d823"},
	{216, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"abffffffffffffffffffffffffffffff5a20e89e14ed5af85da66b5e4bdbe002",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"000102030405060708090a0b0c0d0e0f"},
	{217, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"ffffffffffffffffffffffffffffffff7c85b8e5991711f804915250b99cf7a7",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"00000000000000000000000000000000"},
	{218, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"a8ffffffffffffffffffffffffffffff57599fb21558a903b6a3193419537e06",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffff"},
	{219, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"c1fffffffffffffffffffffffffffffffd71560c5091b863662ffaebc0dd2501",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"00000080000000800000008000000080"},
	{220, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"f9ffffffffffffffffffffffffffffff169a825d7ecbf7e107396a2a3dfb4508",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"ffffff7fffffff7fffffff7fffffff7f"},
	{221, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"d9ffffffffffffffffffffffffffffffe344f9752a885ccd1a3fa5a9c4187d04",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"01000000010000000100000001000000"},
	{222, true, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
		"000102030405060708090a0b0c0d0e0f1011121314151617",
		"d7ffffffffffffffffffffffffffffffa6627ce99c9c49deb89855b0f9e3f407",
		"660336ffb732a4dcda556c2539d3d2de6cdaed0d7d9104593f8ed69bf0db8aa33c0e746482b7dc53d4"
		"0b8a5331"
		"ca33b874639cdc7a787badd436bcd56e798af3",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff"
		"ffffffffffffffffffffffffffffffffffffff",
		"ffffffff000000000000000000000000"},
	{223, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"ceb62cbb6fdf40d883c45cb4b0a82da13e4866c40629725ae6d371e4d8ad3a8f0cc553287840e73cc6"
		"6c3066e1"
		"15108b995d6f8990f1b8db1b0c1d14b5157441789895de7fe538acf5c6ceb56e54a73d",
		"113caf3ebbe98a82548702641e4b4fbaffffffffffffffffffffffffffffffff3708d0f8f5cf1fea3d"
		"966ff22d"
		"ac4cf1ffffffffffffffffffffffffffffffff3708d0f8f5cf1fea3d966ff22dac4cf1",
		"e0f1d382b53c44a2e7228920468fc301"},
	{224, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"66757c7a2bc935a528bca12f511c9de4edc981d8e14e366b2a473b6e64915977d6327c2f7270072904"
		"05a06b33"
		"46a385f7a66391086c4befc6b8a2acf8a71cbfa26fbad975d5d8b937af5eb8bc0714331a16e6e08912"
		"f3bc9ca0"
		"81f72056468a",
		"b9ffffffffffffffffffffffffffffff2c7e18e31898bbce336bb57543c39c07edffffffffffffffff"
		"ffffffff"
		"ffffff9104f3e767620ccb224b4047b24d9701edffffffffffffffffffffffffffffff9104f3e76762"
		"0ccb224b"
		"4047b24d9701",
		"85d066d0fcfb58a260119f937ff6fcf0"},
	{225, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"f1db96d6b3f84355fbbf2ddb9bd9dfd13e4866c40629725ae6d371e4d8ad3a8f522ec32558e6cbf8c2"
		"aff5f844"
		"97e6aa995d6f8990f1b8db1b0c1d14b5157441267305d35f431468f1050b2bcbd6511c",
		"2e51155367ce890f2cfc730b353abdcaffffffffffffffffffffffffffffffff69e340f5d569332e39"
		"55aa6c88"
		"2ebad0ffffffffffffffffffffffffffffffff69e340f5d569332e3955aa6c882ebad0",
		"cb2bc99a81872febc3d8bf4d02fcc332"},
	{226, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"94ecf8e2c78542c6d432bb62e5ca49c03e4866c40629725ae6d371e4d8ad3a8fa0733221388cbfa4cf"
		"eeba722e"
		"097bca995d6f8990f1b8db1b0c1d14b5157441d42ef4d73f296034fc4444a1a148cc7c",
		"4b667b6713b3889c0371e5b24b292bdbffffffffffffffffffffffffffffffff9bbeb1f1b503477234"
		"14e5e6e2"
		"b027b0ffffffffffffffffffffffffffffffff9bbeb1f1b50347723414e5e6e2b027b0",
		"b665beb24dd21a34a08ef67abe68c463"},
	{227, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"20757c7a2bc935a528bca12f511c9de4912872920d5254968fc6c13fc3322ab71d9d6963d744039c9d"
		"d8f076ee"
		"9f54a240f27ac535c5bc6e82d14d0968cc8366",
		"ffffffffffffffffffffffffffffffff509feba9f484d93396ea4f24e460efc72650eab35acbfb4a66"
		"22afe222"
		"2608d82650eab35acbfb4a6622afe2222608d8",
		"e427fb2cdcadf4503623265e1232b761"},
	{228, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"5a1ac415bf4a4cec651996d1d7e465e73e4866c40629725ae6d371e4d8ad3a8fc4b9103af8b8962cd1"
		"68054f5b"
		"0c5e15995d6f8990f1b8db1b0c1d14b5157441b0e4d6ccff1d49bce2c2fb9cd44de9a3",
		"859047906b7c86b6b25ac801790707fcffffffffffffffffffffffffffffffffff7493ea75376efa2a"
		"925adb97"
		"b5026fffffffffffffffffffffffffffffffffff7493ea75376efa2a925adb97b5026f",
		"8cd9a8e2e567f1c558fa63d53642c5c5"},
	{229, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"20757c7a2bc935a528bca12f511c9de46371f7678420063894f20774a6078b31b7baeeb66fb35662a6"
		"ecb6b90c"
		"a33b2bead5fd108d32e990b9e50bc68af0ecef",
		"ffffffffffffffffffffffffffffffffa2c66e5c7df68b9d8dde896f81554e418c776d66e23caeb45d"
		"16e92dc0"
		"1a67518c776d66e23caeb45d16e92dc01a6751",
		"675b66d9da27123221c1e0b74d70c0a6"},
	{230, true, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112130bc672c3", "ffffffff",
		"083d49c720dbf27a7d0d5c9db81f076e3e4866c40629725ae6d371e4d8ad3a8ff5a5282072a1fb55cc"
		"12865835"
		"d204d9995d6f8990f1b8db1b0c1d14b515744181f8eed6750424c5ffb8788bba93b36f",
		"d7b7ca42f4ed3820aa4e024d16fc6575ffffffffffffffffffffffffffffffffce68abf0ff2e038337"
		"e8d9ccf9"
		"6b58a3ffffffffffffffffffffffffffffffffce68abf0ff2e038337e8d9ccf96b58a3",
		"0f0d148fe4e10ea743981e2f7280ce0a"},
};

static const struct wycheproof_x25519 wycheproof_x25519[] = {
	{1, false, "504a36999f489cd2fdbc08baff3d88fa00569ba986cba22548ffde80f9806829",
		"c8a9d5a91091ad851c668b0736c1c9a02936c0d3ad62670858088047ba057475",
		"436a2c040cf45fea9b29a0cb81b1f41458f863d0d61b453d0a982720d6d61320"},
	{2, false, "63aa40c6e38346c5caf23a6df0a5e6c80889a08647e551b3563449befcfc9733",
		"d85d8c061a50804ac488ad774ac716c3f5ba714b2712e048491379a500211958",
		"279df67a7c4611db4708a0e8282b195e5ac0ed6f4b2f292c6fbd0acac30d1332"},
	{3, false, "0f83c36fded9d32fadf4efa3ae93a90bb5cfa66893bc412c43fa7287dbb99779",
		"c8b45bfd32e55325d9fd648cb302848039000b390e44d521e58aab3b29a6964b",
		"4bc7e01e7d83d6cf67632bf90033487a5fc29eba5328890ea7b1026d23b9a45f"},
	{4, false, "0b8211a2b6049097f6871c6c052d3c5fc1ba17da9e32ae458403b05bb283092a",
		"f876e34bcbe1f47fbc0fddfd7c1e1aa53d57bfe0f66d243067b424bb6210be51",
		"119d37ed4b109cbd6418b1f28dea83c836c844715cdf98a3a8c362191debd514"},
	{5, false, "343ac20a3b9c6a27b1008176509ad30735856ec1c8d8fcae13912d08d152f46c",
		"006ac1f3a653a4cdb1d37bba94738f8b957a57beb24d646e994dc29a276aad45",
		"cc4873aed3fcee4b3aaea7f0d20716b4276359081f634b7bea4b705bfc8a4d3e"},
	{6, false, "fa695fc7be8d1be5bf704898f388c452bafdd3b8eae805f8681a8d15c2d4e142",
		"08da77b26d06dff9d9f7fd4c5b3769f8cdd5b30516a5ab806be324ff3eb69e60",
		"b6f8e2fcb1affc79e2ff798319b2701139b95ad6dd07f05cbac78bd83edfd92e"},
	{7, false, "0200000000000000000000000000000000000000000000000000000000000000",
		"d03edde9f3e7b799045f9ac3793d4a9277dadeadc41bec0290f81f744f73775f",
		"b87a1722cc6c1e2feecb54e97abd5a22acc27616f78f6e315fd2b73d9f221e57"},
	{8, false, "0300000000000000000000000000000000000000000000000000000000000000",
		"e09d57a914e3c29036fd9a442ba526b5cdcdf28216153e636c10677acab6bd6a",
		"a29d8dad28d590cd3017aa97a4761f851bf1d3672b042a4256a45881e2ad9035"},
	{9, false, "ff00000000000000000000000000000000000000000000000000000000000000",
		"e0ed78e6ee02f08bec1c15d66fbbe5b83ffc37ea14e1512cc1bd4b2ea6d8066f",
		"e703bc8aa94b7d87ba34e2678353d12cdaaa1a97b5ca3e1b8c060c4636087f07"},
	{10, false, "ffff000000000000000000000000000000000000000000000000000000000000",
		"a8a1a2ec9fa9915ae7aace6a37c68591d39e15995c4ef5ebd3561c02f72dda41",
		"ff5cf041e924dbe1a64ac9bdba96bdcdfaf7d59d91c7e33e76ed0e4c8c836446"},
	{11, false, "0000010000000000000000000000000000000000000000000000000000000000",
		"a8c9df5820eb399d471dfa3215d96055b3c7d0f4ea49f8ab028d6a6e3194517b",
		"a92a96fa029960f9530e6fe37e2429cd113be4d8f3f4431f8546e6c76351475d"},
	{32, true, "0000000000000000000000000000000000000000000000000000000000000000",
		"88227494038f2bb811d47805bcdf04a2ac585ada7f2f23389bfd4658f9ddd45e",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{33, true, "0100000000000000000000000000000000000000000000000000000000000000",
		"48232e8972b61c7e61930eb9450b5070eae1c670475685541f0476217e48184f",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{34, false, "0400000000000000000000000000000000000000000000000000000000000000",
		"a8386f7f16c50731d64f82e6a170b142a4e34f31fd7768fcb8902925e7d1e25a",
		"34b7e4fa53264420d9f943d15513902342b386b172a0b0b7c8b8f2dd3d669f59"},
	{35, false, "0001000000000000000000000000000000000000000000000000000000000000",
		"d05abd08bf5e62538cb9a5ed105dbedd6de38d07940085072b4311c2678ed77d",
		"3aa227a30781ed746bd4b3365e5f61461b844d09410c70570abd0d75574dfc77"},
	{36, false, "0000001000000000000000000000000000000000000000000000000000000000",
		"f0b8b0998c8394364d7dcb25a3885e571374f91615275440db0645ee7c0a6f6b",
		"97755e7e775789184e176847ffbc2f8ef98799d46a709c6a1c0ffd29081d7039"},
	{37, false, "0000000001000000000000000000000000000000000000000000000000000000",
		"d00c35dc17460f360bfae7b94647bc4e9a7ad9ce82abeadb50a2f1a0736e2175",
		"c212bfceb91f8588d46cd94684c2c9ee0734087796dc0a9f3404ff534012123d"},
	{38, false, "ffffffffffff0f00000000000000000000000000000000000000000000000000",
		"385fc8058900a85021dd92425d2fb39a62d4e23aef1d5104c4c2d88712d39e4d",
		"388faffb4a85d06702ba3e479c6b216a8f33efce0542979bf129d860f93b9f02"},
	{63, true, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"e0f978dfcd3a8f1a5093418de54136a584c20b7b349afdf6c0520886f95b1272",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{64, true, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"387355d995616090503aafad49da01fb3dc3eda962704eaee6b86f9e20c92579",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{65, true, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"c8fe0df92ae68a03023fc0c9adb9557d31be7feed0d3ab36c558143daf4dbb40",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{66, true, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
		"c8d74acde5934e64b9895d5ff7afbffd7f704f7dfccff7ac28fa62a1e6410347",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{67, true, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
		"b85649d5120e01e8ccaf7b2fb8d81b62e8ad6f3d5c0553fdde1906cb9d79c050",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{68, true, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"2064b2f4c9dc97ec7cf58932fdfa3265ba6ea4d11f0259b8efc8afb35db88c48",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{69, true, "0000000000000000000000000000000000000000000000000000000000000000",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{70, true, "0100000000000000000000000000000000000000000000000000000000000000",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{71, true, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{72, true, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{73, true, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{74, true, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{78, true, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"786a33a4f7af297a20e7642925932bf509e7070fa1bc36986af1eb13f4f50b55",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{83, true, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"40ff586e73d61f0960dc2d763ac19e98225f1194f6fe43d5dd97ad55b3d35961",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{84, true, "0000000000000000000000000000000000000000000000000000000000000080",
		"7887889bac4c629a101d3724f2ed8b98d936fde79e1a1f77d86779626bf8f263",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{85, true, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"584fceaebae944bfe93b2e0d0a575f706ce5ada1da2b1311c3b421f9186c7a6f",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{86, true, "0100000000000000000000000000000000000000000000000000000000000080",
		"e07971ee820e48b0b266d8be3cdbbb5e900a43f59ee8535c6572418615de4962",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{87, false, "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0016b62af5cabde8c40938ebf2108e05d27fa0533ed85d70015ad4ad39762d54",
		"b4d10e832714972f96bd3382e4d082a21a8333a16315b3ffb536061d2482360d"},
	{88, false, "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"d83650ba7cec115881916255e3fa5fa0d6b8dcf968731bd2c9d2aec3f561f649",
		"515eac8f1ed0b00c70762322c3ef86716cd2c51fe77cec3d31b6388bc6eea336"},
	{89, false, "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"88dd14e2711ebd0b0026c651264ca965e7e3da5082789fbab7e24425e7b4377e",
		"6919992d6a591e77b3f2bacbd74caf3aea4be4802b18b2bc07eb09ade3ad6662"},
	{90, false, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"98c2b08cbac14e15953154e3b558d42bb1268a365b0ef2f22725129d8ac5cb7f",
		"9c034fcd8d3bf69964958c0105161fcb5d1ea5b8f8abb371491e42a7684c2322"},
	{91, false, "0200000000000000000000000000000000000000000000000000000000000080",
		"c0697b6f05e0f3433b44ea352f20508eb0623098a7770853af5ca09727340c4e",
		"ed18b06da512cab63f22d2d51d77d99facd3c4502e4abf4e97b094c20a9ddf10"},
	{92, false, "0300000000000000000000000000000000000000000000000000000000000080",
		"18422b58a18e0f4519b7a887b8cfb649e0bfe4b34d75963350a9944e5b7f5b7e",
		"448ce410fffc7e6149c5abec0ad5f3607dfde8a34e2ac3243c3009176168b432"},
	{93, false, "0400000000000000000000000000000000000000000000000000000000000080",
		"20620d82487707bedf9ee3549e95cb9390d2618f50cf6acba47ffaa103224a6f",
		"03a633df01480d0d5048d92f51b20dc1d11f73e9515c699429b90a4f6903122a"},
	{94, false, "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"285a6a7ceeb7122f2c78d99c53b2a902b490892f7dff326f89d12673c3101b53",
		"9b01287717d72f4cfb583ec85f8f936849b17d978dbae7b837db56a62f100a68"},
	{95, false, "dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"c8e0330ae9dceeff887fba761225879a4bd2e0db08799244136e4721b2c88970",
		"dfe60831c9f4f96c816e51048804dbdc27795d760eced75ef575cbe3b464054b"},
	{96, false, "dcffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"10db6210fc1fb13382472fa1787b004b5d11868ab3a79510e0cee30f4a6df26b",
		"50bfa826ca77036dd2bbfd092c3f78e2e4a1f980d7c8e78f2f14dca3cce5cc3c"},
	{97, false, "eaffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"9041c6e044a277df8466275ca8b5ee0da7bc028648054ade5c592add3057474e",
		"13da5695a4c206115409b5277a934782fe985fa050bc902cba5616f9156fe277"},
	{100, false, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		"a046e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449a44",
		"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
	{101, false, "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a413",
		"4866e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba4d",
		"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	{102, false, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
	{103, false, "b7b6d39c765cb60c0c8542f4f3952ffb51d3002d4aeb9f8ff988b192043e6d0a",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"0200000000000000000000000000000000000000000000000000000000000000"},
	{104, false, "3b18df1e50b899ebd588c3161cbd3bf98ebcc2c1f7df53b811bd0e91b4d5153d",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"0900000000000000000000000000000000000000000000000000000000000000"},
	{105, false, "cab6f9e7d8ce00dfcea9bbd8f069ef7fb2ac504abf83b87db601b5ae0a7f7615",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"1000000000000000000000000000000000000000000000000000000000000000"},
	{106, false, "4977d0d897e1ba566590f60f2eb0db6f7b24c13d436918ccfd32708dfad7e247",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"feffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff3f"},
	{107, false, "98730bc03e29e8b057fb1d20ef8c0bffc822485d3db7f45f4e3cc2c3c6d1d14c",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"fcffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff3f"},
	{108, false, "97b4fff682df7f096cd1756569e252db482d45406a3198a1aff282a5da474c49",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"f9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff3f"},
	{109, false, "317781b0163bae74accc06c0d44ef9a911a22b0d37faf7726621591f9343ea2f",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff3f"},
	{110, false, "7e26f8f24cb590027f9d1bc49b0e1a242c7d8f43624d3e8fab28ee08e02cb45e",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03"},
	{111, false, "e96d2780e5469a74620ab5aa2f62151d140c473320dbe1b028f1a48f8e76f95f",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"e5ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{112, false, "8d612c5831aa64b057300e7e310f3aa332af34066fefcab2b089c9592878f832",
		"60a3a4f130b98a5be4b1cedb7cb85584a3520e142d474dc9ccb909a073a9767f",
		"e3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{117, true, "0000000000000000000000000000000000000000000000000000000000000000",
		"c8d07c46bbfb827753b92c70e49583ce8bfa44641a7382258ea903d6a832c96b",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{118, true, "0100000000000000000000000000000000000000000000000000000000000000",
		"90b7ef237a055f348dcb4c4364a59d7d31edc7ab78f2ca254e2c810975c3f543",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{119, false, "0200000000000000000000000000000000000000000000000000000000000000",
		"e0a8be63315c4f0f0a3fee607f44d30a55be63f09561d9af93e0a1c9cf0ed751",
		"0c50ac2bfb6815b47d0734c5981379882a24a2de6166853c735329d978baee4d"},
	{120, false, "1200000000000000000000000000000000000000000000000000000000000000",
		"0840a8af5bc4c48da8850e973d7e14220f45c192cea4020d377eecd25c7c3643",
		"77557137a2a2a651c49627a9b239ac1f2bf78b8a3e72168ccecc10a51fc5ae66"},
	{121, false, "1400000000000000000000000000000000000000000000000000000000000000",
		"0092229c753a71284d0853909470ad847ab62f439ea51482fb41d30cc3b44743",
		"c88e719ae5c2248b5f90da346a92ae214f44a5d129fd4e9c26cf6a0da1efe077"},
	{122, false, "0000000000000000000000000080000000000000000000000000000000000000",
		"b8da2bd2d7cf25a3e54e5f87ee15911effb9ff86baec4076d56c8e953670bf5b",
		"4bf6789c7ea036f973cde0af02d6fdb9b64a0b957022111439570fad7d7a453f"},
	{123, false, "ffffffffffffffffffffffffffff000000000000000000000000000000000000",
		"684cd420af41abb3d10c61e773238cf729c2155f941ac27e15f4c37f49b29576",
		"bcac235ae15cc7148372e11f9315e3bc76ceb904b3d2a8246bd9d9be2082bb62"},
	{124, false, "0100000000000000000000000000010000000000000000000000000000000000",
		"38cfacaa4460796b4de434bdd6739f0d043671f97fa829517511e6b47aa93474",
		"5dd7d16fff25cc5fdf9e03c3157cb0a235cea17d618f36e6f13461567edeb943"},
	{125, false, "0000000000000000000000000000000000000000000000000000004000000000",
		"30832e8cb627ac195f77b1105258e4bb18b99a5ed944404bfacb3a039fbdb14b",
		"2816fd031d51d6750f9225ede950625cca47441ca97e43092650396991afcb6d"},
	{126, false, "0000000000000000000000000000000000000000000000000000008000000000",
		"d818fd6971e546447f361d33d3dbb3eadcf02fb28f246f1d5107b9073a93cd4f",
		"7ed8f2d5424e7ebb3edbdf4abe455447e5a48b658e64abd06c218f33bd151f64"},
	{127, false, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000",
		"1021cd8682bdc3f5da9100adff5b2230b3acd836b3a455db8352a2c27e69d17e",
		"e8620ed5ca89c72c5ea5503e6dcd01131cd5e875c30e13d5dc619ce28ec7d559"},
	{128, false, "0100000000000000000000000000000000000000000000000000000001000000",
		"20e4c9247102292655d6765d7d84c6fce5309b8004045daea6d7d7dcad462871",
		"ceadb264379dcadd6e3bb8ad24dd653d2a609dd703d41da6caf3ad00f001862c"},
	{154, true, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"18630f93598637c35da623a74559cf944374a559114c7937811041fc8605564a",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{165, true, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5891c9272cf9a197735b701e5715268d36d7436b7e351a3e997a0862e4807d4d",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{166, true, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"c0f9c60aea73731d92ab5ed9f4cea122f9a6eb2577bda72f94948fea4d4cc65d",
		"0000000000000000000000000000000000000000000000000000000000000000"},
	{511, false, "6c05871352a451dbe182ed5e6ba554f2034456ffe041a054ff9cc56b8e946376",
		"a023cdd083ef5bb82f10d62e59e15a6800000000000000000000000000000050",
		"6c05871352a451dbe182ed5e6ba554f2034456ffe041a054ff9cc56b8e946376"},
	{513, false, "3e3e7708ef72a6dd78d858025089765b1c30a19715ac19e8d917067d208e0666",
		"4855555555555555555555555555555555555555555555555555555555555555",
		"63ef7d1c586476ec78bb7f747e321e01102166bf967a9ea9ba9741f49d439510"},
	{514, false, "9f40bb30f68ab67b1c4b8b664982fdab04ff385cd850deac732f7fb705e6013a",
		"4855555555555555555555555555555555555555555555555555555555555555",
		"8b98ef4d6bf30df7f88e58d51505d37ed6845a969fe598747c033dcd08014065"},
	{515, false, "be3b3edeffaf83c54ae526379b23dd79f1cb41446e3687fef347eb9b5f0dc308",
		"4855555555555555555555555555555555555555555555555555555555555555",
		"cfa83e098829fe82fd4c14355f70829015219942c01e2b85bdd9ac4889ec2921"},
	{516, false, "3e3e7708ef72a6dd78d858025089765b1c30a19715ac19e8d917067d208e0666",
		"b8aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa6a",
		"4782036d6b136ca44a2fd7674d8afb0169943230ac8eab5160a212376c06d778"},
};
