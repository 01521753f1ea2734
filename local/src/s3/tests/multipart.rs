use super::*;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart};

const PART: usize = 5 << 20;

impl Served {
    async fn begin(&self) -> String {
        let create = self.client.create_multipart_upload();
        let create = create.bucket(BUCKET).key("k").metadata("event", "e-1");
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32);
        create.send().await.unwrap().upload_id.unwrap()
    }

    async fn part(&self, id: &str, number: i32, bytes: Vec<u8>) -> Result<CompletedPart, String> {
        let part = self.client.upload_part().bucket(BUCKET).key("k");
        let part = part.upload_id(id).part_number(number);
        let part = part.body(ByteStream::from(bytes)).send().await;
        let part = part.map_err(|error| code(&error))?;
        let done = CompletedPart::builder().part_number(number);
        let done = done.set_e_tag(part.e_tag);
        Ok(done.set_checksum_crc32(part.checksum_crc32).build())
    }

    async fn complete(&self, id: &str, parts: &[CompletedPart]) -> Result<String, String> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec()));
        let complete = self.client.complete_multipart_upload();
        let complete = complete.bucket(BUCKET).key("k").upload_id(id);
        let done = complete.multipart_upload(parts.build()).send().await;
        let done = done.map_err(|error| code(&error))?;
        Ok(done.version_id.unwrap_or_default())
    }

    async fn abort(&self, id: &str) -> Result<(), String> {
        let abort = self.client.abort_multipart_upload();
        let abort = abort.bucket(BUCKET).key("k").upload_id(id).send().await;
        abort.map(drop).map_err(|error| code(&error))
    }
}

#[tokio::test]
async fn parts_become_one_object_with_the_uploads_metadata() {
    let served = Served::new(true).await;
    let id = served.begin().await;
    let bytes = noise(PART + 1000);
    let second = served.part(&id, 2, bytes[PART..].to_vec()).await.unwrap();
    let first = served.part(&id, 1, bytes[..PART].to_vec()).await.unwrap();
    let [unfinished] = &served.s3.unfinished_uploads(BUCKET)[..] else {
        panic!("one upload")
    };
    let sizes = BTreeMap::from([(1, 5_242_880), (2, 1000)]);
    assert_eq!(unfinished.parts, sizes);
    let parts = [first, second];
    let version = served.complete(&id, &parts).await.unwrap();
    let get = served.get_object("k").checksum_mode(ChecksumMode::Enabled);
    let got = get.send().await.unwrap();
    assert_eq!(got.version_id(), Some(version.as_str()));
    assert!(got.e_tag().unwrap().ends_with("-2\""));
    assert!(got.checksum_crc32().unwrap().ends_with("-2"));
    assert_eq!(got.metadata().unwrap()["event"], "e-1");
    assert!(got.body.collect().await.unwrap().to_vec() == bytes);
    assert!(served.s3.unfinished_uploads(BUCKET).is_empty());
    assert_eq!(served.data_files(), 1);
    let again = served.restarted();
    assert_eq!(again.objects(BUCKET), served.s3.objects(BUCKET));
    let twice = served.complete(&id, &parts).await;
    assert_eq!(twice.unwrap_err(), "NoSuchUpload");
}

#[tokio::test]
async fn a_list_of_parts_that_does_not_fit_is_refused_by_name() {
    let served = Served::new(false).await;
    let id = served.begin().await;
    let one = served.part(&id, 1, noise(10)).await.unwrap();
    let two = served.part(&id, 2, noise(10)).await.unwrap();
    let other = |number: i32, etag: &str| {
        let other = CompletedPart::builder().part_number(number).e_tag(etag);
        other.checksum_crc32(one.checksum_crc32().unwrap()).build()
    };
    let etag = one.e_tag().unwrap();
    let without_checksum = CompletedPart::builder().part_number(1).e_tag(etag).build();
    for (parts, expected) in [
        (vec![one.clone(), two.clone()], "EntityTooSmall"),
        (vec![two, one.clone()], "InvalidPartOrder"),
        (vec![one.clone(), one.clone()], "InvalidPartOrder"),
        (vec![], "MalformedXML"),
        (vec![other(3, etag)], "InvalidPart"),
        (vec![other(1, "\"0\"")], "InvalidPart"),
        (vec![without_checksum], "InvalidRequest"),
    ] {
        let refused = served.complete(&id, &parts).await.unwrap_err();
        assert_eq!(refused, expected, "{parts:?}");
    }
    let refused = served.complete("none", std::slice::from_ref(&one)).await;
    assert_eq!(refused.unwrap_err(), "NoSuchUpload");
    served
        .complete(&id, &[one])
        .await
        .expect("it outlived all that");
    assert_eq!(served.get("k").await.unwrap().len(), 10);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let served = Served::new(false).await;
    let id = served.begin().await;
    served.part(&id, 1, noise(100)).await.unwrap();
    served.part(&id, 1, noise(200)).await.unwrap();
    assert_eq!(served.data_files(), 1, "the part was replaced");
    for number in [0, 10_001] {
        let refused = served.part(&id, number, noise(1)).await;
        assert_eq!(refused.unwrap_err(), "InvalidArgument");
    }
    served.abort(&id).await.unwrap();
    assert!(served.s3.unfinished_uploads(BUCKET).is_empty());
    assert_eq!(served.data_files(), 0);
    let part = served.part(&id, 1, noise(1)).await;
    assert_eq!(part.unwrap_err(), "NoSuchUpload");
    assert_eq!(served.abort(&id).await.unwrap_err(), "NoSuchUpload");
}
